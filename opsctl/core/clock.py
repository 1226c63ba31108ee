"""The clock. Only loops hold one; below them `now` is an argument."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


class Clock(Protocol):
    """Tells the time in seconds since the epoch, and waits."""

    def now(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def iso(at: float) -> str:
    """Epoch seconds as RFC 3339 in UTC with milliseconds, e.g. 2026-11-22T06:03:07.250Z."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_iso(text: str) -> float:
    """RFC 3339 to epoch seconds; a time without a zone is taken as Asia/Shanghai."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        at = at.replace(tzinfo=SHANGHAI)
    return at.timestamp()


def local(at: float, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Epoch seconds as a person in Shanghai reads them."""
    return datetime.fromtimestamp(at, SHANGHAI).strftime(form)
