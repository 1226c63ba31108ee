"""Calendar functions of timestamps in seconds, UTC, as far as 64 bits of seconds reach.

What is no number or does not fit is the farthest second, as Go's conversion makes it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from opsctl.promql.values import F

Dates = NDArray[np.datetime64]
_CYCLE = 400 * 31_556_952  # seconds in which the calendar repeats itself; years far away are moved near by whole ones
_FARTHEST = 2**63


def _part(of: Callable[[Dates], NDArray[np.int64]]) -> Callable[[F], F]:
    def function(seconds: F) -> F:
        return of(_near(seconds)[0].astype("datetime64[s]")).astype(np.float64)

    return function


def _year(seconds: F) -> F:
    near, cycles = _near(seconds)
    years = near.astype("datetime64[s]").astype("datetime64[Y]").astype(np.int64) + 1970
    return (years + 400 * cycles).astype(np.float64)


def _near(seconds: F) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Whole seconds within the first 400 years from 1970, and how many times 400 years were taken away."""
    sound = np.isfinite(seconds) & (np.abs(seconds) < _FARTHEST)
    cycles, near = np.divmod(np.where(sound, np.trunc(seconds), 0.0).astype(np.int64), _CYCLE)
    return np.where(sound, near, _FARTHEST % _CYCLE), np.where(sound, cycles, _FARTHEST // _CYCLE)


def _since(dates: Dates, larger: str, unit: str) -> NDArray[np.int64]:
    made: NDArray[np.int64] = (dates.astype(f"datetime64[{unit}]") - dates.astype(f"datetime64[{larger}]")).astype(
        np.int64
    )
    return made


def _days_in_month(dates: Dates) -> NDArray[np.int64]:
    month = dates.astype("datetime64[M]")
    made: NDArray[np.int64] = ((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64)
    return made


PARTS: dict[str, Callable[[F], F]] = {
    "minute": _part(lambda d: _since(d, "h", "m")),
    "hour": _part(lambda d: _since(d, "D", "h")),
    "day_of_week": _part(lambda d: (d.astype("datetime64[D]").astype(np.int64) + 4) % 7),
    "day_of_month": _part(lambda d: _since(d, "M", "D") + 1),
    "day_of_year": _part(lambda d: _since(d, "Y", "D") + 1),
    "days_in_month": _part(_days_in_month),
    "month": _part(lambda d: _since(d, "Y", "M") + 1),
    "year": _year,
}
