"""Values that several documents have."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from opsctl.model.duration import parse_duration

_GO = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_GO_PART = r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)"


def _span(value: Any) -> Any:
    return parse_duration(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else value


def _go_span(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return value / 1e9
    if not isinstance(value, str):
        return value
    if value != "0" and not re.fullmatch(f"(?:{_GO_PART})+", value):
        raise ValueError(f"not a duration: {value!r} (write e.g. 500ms, 10s, 1m30s)")
    return sum(float(number) * _GO[unit] for number, unit in re.findall(_GO_PART, value))


def _not_zero(value: float) -> float:
    if value <= 0:
        raise ValueError("must be more than zero")
    return value


def _rate(value: int) -> int:
    if not 1 <= value <= 100_000:
        raise ValueError("must be between 1 and 100000 messages a minute")
    return value


Span = Annotated[float, BeforeValidator(_span)]
"""Seconds, written as Prometheus writes durations; a bare number is refused, as there."""
GoSpan = Annotated[float, BeforeValidator(_go_span)]
"""Seconds, written as Go's time.Duration: days do not exist."""
Positive = Annotated[Span, AfterValidator(_not_zero)]
Rate = Annotated[int, AfterValidator(_rate)]
