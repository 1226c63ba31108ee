"""Numbers as people read them, in two languages. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
MISSING = "—"
Say = Callable[[str, str], str]
"""Chooses between a Chinese and an English text."""


def count(value: float | None) -> str:
    """A whole number with thousands separators."""
    return MISSING if value is None else f"{value:,.0f}"


def yuan(fen: float | None) -> str:
    """Money: integer fen shown as whole yuan."""
    return MISSING if fen is None else f"¥{fen / 100:,.0f}"


def percent(ratio: float | None) -> str:
    return MISSING if ratio is None else f"{ratio:.1%}"


def change(now: float | None, before: float | None) -> str | None:
    """How far `now` is from `before`: `+12%`; None when one of them is missing or nothing was there before."""
    if now is None or not before:
        return None
    ratio = now / before - 1
    return f"{ratio:+.0%}" if abs(ratio) < 10 else f"×{now / before:,.0f}"


def point_change(now: float | None, before: float | None, say: Say) -> str | None:
    """The distance of two ratios in percentage points."""
    if now is None or before is None:
        return None
    return f"{(now - before) * 100:+.1f} {say('个百分点', 'pp')}"


def duration(seconds: float | None, say: Say) -> str:
    """`42 秒`, `3.5 分钟`, `5 小时`, `2 天`; the unit that keeps the number small."""
    if seconds is None:
        return MISSING
    for limit, unit, zh, en in ((60, 1, "秒", "s"), (3600, 60, "分钟", "min"), (86_400, 3600, "小时", "h")):
        if seconds < limit:
            return f"{_short(seconds / unit)} {say(zh, en)}"
    days = _short(seconds / 86_400)
    return f"{days} {say('天', 'day' if days == '1' else 'days')}"


def ago(then: float | None, now: float, say: Say) -> str:
    """`5 分钟前` / `5 min ago`."""
    if not then:
        return MISSING
    length = duration(max(0.0, now - then), say)
    return say(f"{length}前", f"{length} ago")


def _short(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".") if value < 10 else f"{value:.0f}"


def clock(at: float | None) -> str:
    """`11-23 17:05` in Shanghai."""
    return MISSING if at is None else datetime.fromtimestamp(at, SHANGHAI).strftime("%m-%d %H:%M")


def local(at: float) -> datetime:
    """The wall clock in Shanghai, without a zone, so that every browser shows that clock."""
    return datetime.fromtimestamp(at, SHANGHAI).replace(tzinfo=None)


def midnight(now: float) -> float:
    """When today began in Shanghai."""
    return datetime.fromtimestamp(now, SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def monday(now: float) -> float:
    """When this week began in Shanghai."""
    today = datetime.fromtimestamp(midnight(now), SHANGHAI)
    return (today - timedelta(days=today.weekday())).timestamp()
