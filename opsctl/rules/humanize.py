"""Numbers for people, as Prometheus' templates write them. Source: prometheus template/template.go."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from opsctl.gotemplate import TemplateError, go_text
from opsctl.promql.number import parse_float

Number = float | int | str
_LARGE, _SMALL = "kMGTPEZY", "munpfazy"


def number(value: Number) -> float:
    """A number, or a text that is one."""
    if isinstance(value, bool):
        raise TemplateError("can't convert bool to float")
    if isinstance(value, int | float):
        return float(value)
    if not isinstance(value, str):
        raise TemplateError(f"can't convert {type(value).__name__} to float")
    try:
        return parse_float(value)
    except ValueError as error:
        raise TemplateError(f'strconv.ParseFloat: parsing "{value}": invalid syntax') from error


def short(value: float) -> str:
    """%.4g"""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return f"{value:.4g}"


def humanize(value: Number) -> str:
    """12345 → `12.35k`"""
    v = number(value)
    if v == 0 or not math.isfinite(v):
        return short(v)
    v, prefix = _scaled(v, 1000.0, _LARGE) if abs(v) >= 1 else _enlarged(v)
    return short(v) + prefix


def _scaled(v: float, base: float, prefixes: str) -> tuple[float, str]:
    prefix = ""
    for each in prefixes:
        if abs(v) < base:
            break
        prefix, v = each, v / base
    return v, prefix


def _enlarged(v: float) -> tuple[float, str]:
    prefix = ""
    for each in _SMALL:
        if abs(v) >= 1:
            break
        prefix, v = each, v * 1000
    return v, prefix


def humanize1024(value: Number) -> str:
    """2048 → `2ki`"""
    v = number(value)
    if abs(v) <= 1 or not math.isfinite(v):
        return short(v)
    v, prefix = _scaled(v, 1024.0, _LARGE)
    return short(v) + (f"{prefix}i" if prefix else "")


def humanize_duration(value: Number) -> str:
    """Seconds: 3725 → `1h 2m 5s`"""
    v = number(value)
    if not math.isfinite(v):
        return short(v)
    if v == 0:
        return short(v) + "s"
    if abs(v) < 1:
        v, prefix = _enlarged(v)
        return f"{short(v)}{prefix}s"
    sign, v = ("-", -v) if v < 0 else ("", v)
    whole = int(v)
    days, hours, minutes, seconds = whole // 86400, whole // 3600 % 24, whole // 60 % 60, whole % 60
    if days:
        return f"{sign}{days}d {hours}h {minutes}m {seconds}s"
    if hours:
        return f"{sign}{hours}h {minutes}m {seconds}s"
    if minutes:
        return f"{sign}{minutes}m {seconds}s"
    return f"{sign}{short(v)}s"


def humanize_percentage(value: Number) -> str:
    """0.5 → `50%`"""
    return short(number(value) * 100) + "%"


def humanize_timestamp(value: Number) -> str:
    """Epoch seconds as Go prints a time in UTC."""
    v = number(value)
    return short(v) if not math.isfinite(v) else time_text(v)


def time_text(seconds: float) -> str:
    """`2006-01-02 15:04:05.999 +0000 UTC`, to the millisecond."""
    if abs(seconds) * 1e9 >= 2**63:
        raise TemplateError(
            f"{go_text(seconds)} cannot be represented as a nanoseconds timestamp since it overflows int64"
        )
    ms = int(seconds * 1000)
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    fraction = f".{ms % 1000:03d}".rstrip("0") if ms % 1000 else ""
    return f"{at:%Y-%m-%d %H:%M:%S}{fraction} +0000 UTC"


def duration_text(seconds: float) -> str:
    """Go's time.Duration: 100 → `1m40s`, 0.25 → `250ms`."""
    if seconds == 0:
        return "0s"
    sign, v = ("-", -seconds) if seconds < 0 else ("", seconds)
    if v < 1:
        for unit, size in (("ms", 1e3), ("µs", 1e6), ("ns", 1e9)):
            if v * size >= 1:
                return f"{sign}{round(v * size, 6):g}{unit}"
        return "0s"
    hours, rest = divmod(v, 3600)
    minutes, left = divmod(rest, 60)
    made = f"{int(hours)}h" if hours else ""
    made += f"{int(minutes)}m" if hours or minutes else ""
    return f"{sign}{made}{round(left, 9):.9f}".rstrip("0").rstrip(".") + "s"
