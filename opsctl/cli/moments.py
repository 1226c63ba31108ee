"""Times on the command line: RFC 3339, or seconds since the epoch."""

from __future__ import annotations

import math

from opsctl.core.clock import parse_iso
from opsctl.core.errors import UsageError


def moment_of(text: str, flag: str) -> float:
    """Epoch seconds; a time without a zone is Shanghai's. Raises UsageError, which names the flag."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if math.isfinite(seconds):
        return seconds
    try:
        return parse_iso(text)
    except ValueError as error:
        raise UsageError(f"{flag}: {error}", "write 2026-11-25T09:00:00+08:00") from error
