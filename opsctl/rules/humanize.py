"""Numbers for people, as Prometheus' templates write them. Source: prometheus template/template.go."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from opsctl.gotemplate import TemplateError, go_text
from opsctl.gotemplate.durations import enlarged, humanize_seconds, short
from opsctl.promql.number import parse_float

Number = float | int | str
_LARGE = "kMGTPEZY"


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


def humanize(value: Number) -> str:
    """12345 → `12.35k`"""
    v = number(value)
    if v == 0 or not math.isfinite(v):
        return short(v)
    v, prefix = _scaled(v, 1000.0, _LARGE) if abs(v) >= 1 else enlarged(v)
    return short(v) + prefix


def _scaled(v: float, base: float, prefixes: str) -> tuple[float, str]:
    prefix = ""
    for each in prefixes:
        if abs(v) < base:
            break
        prefix, v = each, v / base
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
    return humanize_seconds(number(value))


def humanize_percentage(value: Number) -> str:
    """0.5 → `50%`"""
    return short(number(value) * 100) + "%"


def humanize_timestamp(value: Number) -> str:
    """Epoch seconds as Go prints a time in UTC."""
    v = number(value)
    return short(v) if not math.isfinite(v) else time_text(v)


def check_time(seconds: float) -> None:
    """Raises TemplateError for a time that does not fit 64 bits of nanoseconds."""
    if abs(seconds) * 1e9 >= 2**63:
        raise TemplateError(
            f"{go_text(seconds)} cannot be represented as a nanoseconds timestamp since it overflows int64"
        )


def time_text(seconds: float) -> str:
    """`2006-01-02 15:04:05.999 +0000 UTC`, to the millisecond. Raises TemplateError for what Go cannot hold."""
    check_time(seconds)
    ms = int(seconds * 1000)
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    fraction = f".{ms % 1000:03d}".rstrip("0") if ms % 1000 else ""
    return f"{at:%Y-%m-%d %H:%M:%S}{fraction} +0000 UTC"
