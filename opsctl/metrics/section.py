"""A section: series that share their times, as a matrix; and how those that follow each other become one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opsctl.metrics.index import Refs

Times = NDArray[np.int64]
Values = NDArray[np.float64]

ABSENT_BITS = 0x7FF4000000000A55
"""The NaN of a cell without a sample: never scraped, never shown."""
_SPARE, _LOOSENESS = 4096, 1.25


@dataclass(frozen=True, eq=False, slots=True)
class Section:
    """`values[i, j]` is the sample of series `refs[i]` at `times[j]`, or ABSENT. Times rise strictly."""

    source: str
    refs: Refs
    times: Times
    values: Values

    def only(self, mask: NDArray[np.bool_], start_ms: int, end_ms: int) -> Section | None:
        """The part with the masked series and times in [start_ms, end_ms], or None when there is none."""
        rows = mask[self.refs].nonzero()[0]
        if not rows.size:
            return None
        first, last = self.times.searchsorted(start_ms), self.times.searchsorted(end_ms, side="right")
        if first >= last:
            return None
        values = self.values[:, first:last] if rows.size == len(self.refs) else self.values[rows, first:last]
        return Section(self.source, self.refs[rows], self.times[first:last], values)


def absent(shape: tuple[int, int]) -> Values:
    """A matrix of cells without samples."""
    return np.full(shape, ABSENT_BITS, dtype=np.uint64).view(np.float64)


def is_absent(values: Values) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = values.view(np.uint64) == ABSENT_BITS
    return found


def united(sections: Sequence[Section]) -> list[Section]:
    """The sections of a source in one: all its series over all its times; the first of two samples of one time stays.

    Left apart where that matrix would be much larger than they are: series that come and go, few late samples.
    """
    by: dict[str, list[Section]] = {}
    for section in sections:
        by.setdefault(section.source, []).append(section)
    return [one for several in by.values() for one in (_united(several) if len(several) > 1 else several)]


def _united(several: list[Section]) -> list[Section]:
    ordered = sorted(several, key=lambda s: int(s.times[0]))
    times, first = np.concatenate([s.times for s in ordered]), ordered[0]
    rising = all(one.times[-1] < other.times[0] for one, other in itertools.pairwise(ordered))
    if rising and all(_same(s.refs, first.refs) for s in ordered[1:]):
        return [Section(first.source, first.refs, times, np.concatenate([s.values for s in ordered], axis=1))]
    return _woven(several, times if rising else np.unique(times))


def _same(one: Refs, other: Refs) -> bool:
    return one is other or (len(one) == len(other) and bool((one == other).all()))


def _woven(several: list[Section], times: Times) -> list[Section]:
    refs = np.unique(np.concatenate([s.refs for s in several]))
    if len(refs) * len(times) > _SPARE + _LOOSENESS * sum(s.values.size for s in several):
        return several
    values = absent((len(refs), len(times)))
    for section in reversed(several):
        rows, columns = np.searchsorted(refs, section.refs), np.searchsorted(times, section.times)
        if columns[-1] - columns[0] == len(columns) - 1:
            _put(values[:, columns[0] : columns[-1] + 1], rows, section.values)
        else:
            part = values[:, columns]
            _put(part, rows, section.values)
            values[:, columns] = part
    return [Section(several[0].source, refs, times, values)]


def _put(into: Values, rows: Refs, values: Values) -> None:
    gone = is_absent(np.ascontiguousarray(values))
    into[rows] = np.where(gone, into[rows], values) if gone.any() else values
