"""The samples of a matrix as Prometheus' JSON, made whole series at a time.

orjson prints an array of floats in one go with the same shortest digits as repr. Between 1e-4 and 1e15 only the `.0` of
whole numbers differs from what Prometheus prints; the few values outside are printed one by one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import orjson
from numpy.typing import NDArray

from opsctl.model.series import Series
from opsctl.promql.number import format_float

_LEAST, _MOST = 1e-4, 1e15


def number(value: float) -> str:
    """A sample's value: as short as it reads back, exponents only below 1e-6 and from 1e21 on."""
    text = repr(value)
    if text.endswith(".0"):
        return text[:-2]
    if "e" in text and (0 < abs(value) < 1e-6 or 1e21 <= abs(value) < float("inf")):
        return text
    return text if "e" not in text and "n" not in text else format_float(value)


def moment(ms: int) -> int | float:
    """ms as the seconds that Prometheus prints: 1435781451 or 1435781451.781."""
    return ms // 1000 if ms % 1000 == 0 else ms / 1000


def numbers(values: NDArray[np.float64]) -> list[str]:
    """`number` of each value."""
    texts = _printed(values)
    size = np.abs(values)
    for index in np.flatnonzero(~((size == 0) | ((size >= _LEAST) & (size < _MOST)))).tolist():
        texts[index] = number(float(values[index]))
    return texts


class SampleLists:
    """Prints the `values` of series; series over the same times share the printed times."""

    def __init__(self) -> None:
        self._times: NDArray[np.int64] | None = None
        self._pattern = ""

    def of(self, series: Series) -> orjson.Fragment:
        """`[[time,"value"],…]`"""
        if series.times is not self._times:
            self._times, self._pattern = series.times, _pattern(series.times)
        return orjson.Fragment(self._pattern % tuple(numbers(series.values)))


def rows(series: Sequence[Series]) -> list[dict[str, object]]:
    """The `result` of a matrix."""
    lists = SampleLists()
    return [{"metric": dict(one.labels), "values": lists.of(one)} for one in series]


def _pattern(times: NDArray[np.int64]) -> str:
    """The list with `%s` in the place of each value."""
    return "[" + ",".join([f'[{text},"%s"]' for text in _printed(times / 1000)]) + "]"


def _printed(values: NDArray[np.float64]) -> list[str]:
    """Each float in its shortest form, whole ones without a point."""
    if not len(values):
        return []
    text = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)
    return (text[1:-1] + b",").replace(b".0,", b",")[:-1].decode().split(",")
