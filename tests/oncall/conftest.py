"""The alerts room's robots and running processes, for this room's tests too."""

from __future__ import annotations

from tests.alerts.conftest import robots, start

__all__ = ["robots", "start"]
