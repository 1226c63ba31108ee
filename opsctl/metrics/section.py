"""A section: series that share their times, as a matrix; and how those that follow each other become one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opsctl.metrics.index import Refs

Times = NDArray[np.int64]
Values = NDArray[np.float64]

ABSENT_BITS = 0x7FF4000000000A55
"""The NaN of a cell without a sample: never scraped, never shown."""


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
    """The sections of a source in one: all its series over all its times. Left apart where times overlap."""
    by: dict[str, list[Section]] = {}
    for section in sections:
        by.setdefault(section.source, []).append(section)
    return [one for several in by.values() for one in _united(sorted(several, key=lambda s: int(s.times[0])))]


def _united(several: list[Section]) -> list[Section]:
    times = np.concatenate([s.times for s in several])
    if len(several) == 1 or not (np.diff(times) > 0).all():
        return several
    refs = np.unique(np.concatenate([s.refs for s in several]))
    values, start = absent((len(refs), len(times))), 0
    for section in several:
        values[np.searchsorted(refs, section.refs), start : start + len(section.times)] = section.values
        start += len(section.times)
    return [Section(several[0].source, refs, times, values)]
