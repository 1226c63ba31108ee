"""Debian's promtool, beside ours."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (make servers)")
_BESIDE = [above / "shared" / "data" / "rules" for above in Path(__file__).resolve().parents[3:]]
RULES = next((folder for folder in _BESIDE if folder.is_dir()), _BESIDE[0])
needs_rules = pytest.mark.skipif(not RULES.is_dir(), reason=f"the public rule files are not at {RULES}")


def promtool(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    assert PROMTOOL is not None
    return subprocess.run([PROMTOOL, *args], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def opsctl(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    runner = "import sys; from opsctl.cli.main import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", runner]
    return subprocess.run([*command, *args], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
