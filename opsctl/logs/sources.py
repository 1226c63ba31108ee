"""Which files are followed: the `logs` of every system's processes, and our own processes' logs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from opsctl.model.inventory import Inventory


def log_files(systems: Iterable[Inventory], home: Path) -> tuple[str, ...]:
    """Globs, each once."""
    named = [p.logs for system in systems for p in system.processes if p.logs]
    return tuple(dict.fromkeys([*named, str(home / "logs" / "*.json.log")]))
