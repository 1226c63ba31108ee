"""Values that several documents have."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from opsctl.core.document import Duration


def _not_zero(value: float) -> float:
    if value <= 0:
        raise ValueError("must be more than zero")
    return value


def _rate(value: int) -> int:
    if not 1 <= value <= 100_000:
        raise ValueError("must be between 1 and 100000 messages a minute")
    return value


Positive = Annotated[Duration, AfterValidator(_not_zero)]
Rate = Annotated[int, AfterValidator(_rate)]
