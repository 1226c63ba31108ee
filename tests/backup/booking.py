"""The booking business with its seed, made by its own set-up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.backup.product import ROOT


def made_ready(home: Path) -> None:
    """Schema, seed and configuration in `home`/booking, as `opsctl setup` makes them."""
    command = [
        sys.executable, "-m", "platform_app.setup", "--config-folder", str(home / "booking" / "config"),
        "--from", str(ROOT / "deploy" / "local" / "platform.yml"), "--home", str(home),
    ]  # fmt: skip
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
