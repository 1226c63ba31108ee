"""Time: epoch seconds inside, Asia/Shanghai (no daylight saving) at the surface."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta, timezone

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")


def now() -> int:
    """The clock, for endpoints and loops only; below them `now` is an argument."""
    return int(time.time())


def iso(at: int | None) -> str | None:
    """Epoch seconds as ISO 8601 with Shanghai's offset, e.g. 2026-11-23T09:30:00+08:00; None stays None."""
    return None if at is None else datetime.fromtimestamp(at, SHANGHAI).isoformat()


def parse_iso(text: str) -> int:
    """ISO 8601 to epoch seconds; a time without a zone is Shanghai's. Raises ValueError."""
    at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return int((at if at.tzinfo else at.replace(tzinfo=SHANGHAI)).timestamp())


def day_of(at: int) -> str:
    """The day in Shanghai, e.g. 2026-11-23."""
    return datetime.fromtimestamp(at, SHANGHAI).strftime("%Y-%m-%d")


def midnight(day: str) -> int:
    """The first second of a day in Shanghai. Raises ValueError when it is not YYYY-MM-DD."""
    return int(datetime.combine(date.fromisoformat(day), datetime.min.time(), SHANGHAI).timestamp())


def local(at: int, form: str = "%m月%d日 %H:%M") -> str:
    """As a customer in Shanghai reads it."""
    return datetime.fromtimestamp(at, UTC).astimezone(SHANGHAI).strftime(form)
