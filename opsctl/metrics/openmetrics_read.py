"""OpenMetrics lines with times of their own → samples, a bounded number at once. Source: the OpenMetrics 1.0 specification."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from opsctl.metrics.openmetrics_file import bad
from opsctl.model.labels import Labels
from opsctl.model.series import Series

_LATEST = 253_402_300_800.0
"""The year 10000: times beyond are milliseconds that were taken for seconds."""
_SERIES = re.compile(r'[^{ "]*+(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*+")*+\})?(?= )')
_FORM = 'name{label="value"} value seconds'
_COMMENTS = ("# TYPE ", "# HELP ", "# UNIT ")


@dataclass(frozen=True)
class Limits:
    """Most bytes a line, labels a series; samples, and series, in memory at once."""

    line: int = 1 << 20
    labels: int = 256
    series: int = 50_000
    samples: int = 2_000_000


@dataclass(frozen=True, eq=False)
class Piece:
    """Series of a part of a file, times rising. `conflicts`: samples at a time that had another value; the first stays."""

    series: list[Series]
    samples: int
    repeated: int
    conflicts: int


def pieces(path: Path, lines: Iterable[str], parse_series: Callable[[str], Labels], limits: Limits) -> Iterator[Piece]:
    """The samples of a file, piece by piece. Raises DocumentError with the line of the first mistake."""
    reading = _Reading(path, parse_series, limits)
    ended, number = False, 0
    for number, line in enumerate(lines, start=1):
        if ended:
            raise bad(path, number, "something stands after # EOF", "one file, one # EOF")
        if line[:1] == "#":
            ended = line == "# EOF"
            if not ended and not line.startswith(_COMMENTS):
                raise bad(path, number, f"not a line of OpenMetrics: {line[:60]!r}")
            continue
        reading.take(number, line)
        if reading.full:
            yield reading.piece()
    if not ended:
        raise bad(path, number + 1, "the file does not end with # EOF", "it was cut off, or is no OpenMetrics text")
    if reading.samples:
        yield reading.piece()


_Columns = tuple["array[int]", "array[float]"]


def _columns() -> _Columns:
    return array("q"), array("d")


class _Reading:
    def __init__(self, path: Path, parse_series: Callable[[str], Labels], limits: Limits) -> None:
        self._path, self._parse, self._limits = path, parse_series, limits
        self._found: dict[Labels, _Columns] = {}
        self._known: dict[str, _Columns] = {}
        self.samples = 0

    @property
    def full(self) -> bool:
        return self.samples >= self._limits.samples or len(self._known) >= self._limits.series

    def take(self, number: int, line: str) -> None:
        key, rest = _cut(line)
        parts = rest.split(" # ", 1)[0].split()
        if len(parts) == 1:
            raise bad(self._path, number, "a sample without a time", _FORM)
        try:
            value, at = map(_number, parts)
        except ValueError as error:
            said = f"expected a value and a time, got {rest.strip()[:40]!r}"
            raise bad(self._path, number, said, _FORM) from error
        if not 0 <= at < _LATEST:
            raise bad(self._path, number, f"{parts[1]} is no time", "times are seconds since 1970, not milliseconds")
        columns = self._known.get(key)
        if columns is None:
            columns = self._known[key] = self._series(key, number)
        columns[0].append(round(at * 1000))
        columns[1].append(value)
        self.samples += 1

    def _series(self, key: str, number: int) -> _Columns:
        try:
            labels = self._parse(key)
        except ValueError as error:
            raise bad(self._path, number, str(error)) from error
        if len(labels) > self._limits.labels:
            raise bad(self._path, number, f"more than {self._limits.labels} labels")
        return self._found.setdefault(labels, _columns())

    def piece(self) -> Piece:
        """What was read since the last one."""
        series, repeated, conflicts = [], 0, 0
        for labels, (times, values) in self._found.items():
            one, again, other = _once(labels, np.array(times), np.array(values))
            series.append(one)
            repeated, conflicts = repeated + again, conflicts + other
        made = Piece(series, self.samples, repeated, conflicts)
        self._found, self._known, self.samples = {}, {}, 0
        return made


def _once(labels: Labels, times: NDArray[np.int64], values: NDArray[np.float64]) -> tuple[Series, int, int]:
    if len(times) < 2 or bool((np.diff(times) > 0).all()):
        return Series(labels, times, values), 0, 0
    rising, first, place = np.unique(times, return_index=True, return_inverse=True)
    kept = values[first]
    same = np.count_nonzero((values == kept[place]) | (np.isnan(values) & np.isnan(kept[place])))
    return Series(labels, rising, kept), int(same) - len(rising), len(times) - int(same)


def _cut(line: str) -> tuple[str, str]:
    """The series of a line, and the rest. A brace that closes may stand in a label's value, or in an exemplar."""
    match = _SERIES.match(line)
    return (match[0], line[match.end() :]) if match else (line, "")


def _number(text: str) -> float:
    """As the format has them: Python would take `1_000` and digits of every script."""
    if "_" in text or not text.isascii():
        raise ValueError(text)
    return float(text)
