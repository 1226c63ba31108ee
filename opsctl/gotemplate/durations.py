"""Durations as Go and Prometheus print them. Source: time.Duration.String, prometheus/common helpers/templates."""

from __future__ import annotations

import math

_SMALL = "munpfazy"


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


def duration_text(seconds: float) -> str:
    """Go's time.Duration: 100 → `1m40s`, 0.25 → `250ms`."""
    if seconds == 0:
        return "0s"
    sign, left = ("-", -seconds) if seconds < 0 else ("", seconds)
    if left < 1:
        for unit, size in (("ms", 1e3), ("µs", 1e6), ("ns", 1e9)):
            if left * size >= 1:
                return f"{sign}{round(left * size, 6):g}{unit}"
        return "0s"
    hours, rest = divmod(left, 3600)
    minutes, rest = divmod(rest, 60)
    made = f"{int(hours)}h" if hours else ""
    made += f"{int(minutes)}m" if hours or minutes else ""
    return f"{sign}{made}{round(rest, 9):.9f}".rstrip("0").rstrip(".") + "s"
