"""Calendar functions of timestamps in seconds, UTC."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from opsctl.promql.values import F

Dates = NDArray[np.datetime64]
_FARTHEST = 9e15  # beyond it numpy's calendar overflows


def _part(of: Callable[[Dates], NDArray[np.int64]]) -> Callable[[F], F]:
    def function(seconds: F) -> F:
        sound = np.isfinite(seconds) & (np.abs(seconds) < _FARTHEST)
        dates = np.where(sound, np.trunc(seconds), 0.0).astype(np.int64).astype("datetime64[s]")
        return np.where(sound, of(dates).astype(np.float64), np.nan)

    return function


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
    "year": _part(lambda d: d.astype("datetime64[Y]").astype(np.int64) + 1970),
}
