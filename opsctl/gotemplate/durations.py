"""Durations as Go and Prometheus print them. Source: time.Duration.String, prometheus/common helpers/templates."""

from __future__ import annotations

import math

_SMALL = "munpfazy"
_SECOND = 1_000_000_000
_FARTHEST = 2.0**63


def short(value: float) -> str:
    """%.4g"""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return f"{value:.4g}"


def enlarged(value: float) -> tuple[float, str]:
    """A number below one, and the prefix it then has: 0.012 → (12, "m")."""
    prefix = ""
    for each in _SMALL:
        if abs(value) >= 1:
            break
        prefix, value = each, value * 1000
    return value, prefix


def humanize_seconds(value: float) -> str:
    """3725 → `1h 2m 5s`"""
    if not math.isfinite(value):
        return short(value)
    if value == 0:
        return "0s"
    if abs(value) < 1:
        number, prefix = enlarged(value)
        return f"{short(number)}{prefix}s"
    sign, left = ("-", -value) if value < 0 else ("", value)
    whole = int(left)
    days, hours, minutes, seconds = whole // 86400, whole // 3600 % 24, whole // 60 % 60, whole % 60
    if days:
        return f"{sign}{days}d {hours}h {minutes}m {seconds}s"
    if hours:
        return f"{sign}{hours}h {minutes}m {seconds}s"
    if minutes:
        return f"{sign}{minutes}m {seconds}s"
    return f"{sign}{short(left)}s"


def within_reach(seconds: float) -> float:
    """Seconds as Go's time.Duration holds them: whole nanoseconds, and the lowest of all where they do not fit."""
    nanoseconds = seconds * 1e9
    return math.trunc(nanoseconds) / 1e9 if abs(nanoseconds) < _FARTHEST else -_FARTHEST / 1e9


def duration_text(seconds: float) -> str:
    """Go's time.Duration: 100 → `1m40s`, 0.25 → `250ms`."""
    sign, left = "-" if seconds < 0 else "", abs(round(seconds * 1e9))
    if not left:
        return "0s"
    for unit, size in (("ns", 1), ("µs", 1000), ("ms", 1_000_000)):
        if left < size * 1000:
            return f"{sign}{_decimal(left, size)}{unit}"
    hours, rest = divmod(left, 3600 * _SECOND)
    minutes, rest = divmod(rest, 60 * _SECOND)
    made = f"{hours}h" if hours else ""
    made += f"{minutes}m" if hours or minutes else ""
    return f"{sign}{made}{_decimal(rest, _SECOND)}s"


def _decimal(count: int, size: int) -> str:
    """How often `size`, a power of ten, is in `count`, with as many decimals as there are."""
    whole, rest = divmod(count, size)
    return f"{whole}.{rest:0{len(str(size)) - 1}d}".rstrip("0").rstrip(".") if rest else str(whole)
