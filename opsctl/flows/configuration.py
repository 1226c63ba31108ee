"""Checks the settings and every document they point to, each by the loader that its process uses."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from opsctl.core.settings import Settings
from opsctl.model.inventory import load_inventory

Check = Callable[[Settings], list[str]]


def _inventories(settings: Settings) -> list[str]:
    paths = [settings.path(p) for p in settings.systems.values()]
    for path in paths:
        load_inventory(path, settings.home_path, sys.executable)
    return [str(p) for p in paths]


CHECKS: tuple[Check, ...] = (_inventories,)


def check_all(settings: Settings) -> list[str]:
    """The files that were loaded without a mistake. Raises DocumentError at the first bad one."""
    return [str(Path(settings.file)), *(name for check in CHECKS for name in check(settings))]
