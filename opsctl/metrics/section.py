"""A section: series that share their times, as a matrix; and how sections become series again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opsctl.metrics.index import Refs
from opsctl.model.labels import Labels
from opsctl.model.series import Series

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
        first, last = np.searchsorted(self.times, start_ms), np.searchsorted(self.times, end_ms, side="right")
        rows = np.flatnonzero(mask[self.refs]) if first < last else _NONE
        if not len(rows):
            return None
        whole = len(rows) == len(self.refs)
        values = self.values[:, first:last] if whole else self.values[rows, first:last]
        return Section(self.source, self.refs[rows], self.times[first:last], values)


_NONE = np.empty(0, dtype=np.int64)


def absent(shape: tuple[int, int]) -> Values:
    """A matrix of cells without samples."""
    return np.full(shape, ABSENT_BITS, dtype=np.uint64).view(np.float64)


def is_absent(values: Values) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = values.view(np.uint64) == ABSENT_BITS
    return found


def to_series(sections: Sequence[Section], labels: Callable[[int], Labels]) -> list[Series]:
    """Joins the sections of each series in time order. Series of one source keep sharing their `times` array."""
    where: dict[int, tuple[int, ...]] = {}
    for number, section in enumerate(sections):
        for ref in section.refs.tolist():
            where[ref] = (*where.get(ref, ()), number)
    together: dict[tuple[int, ...], list[int]] = {}
    for ref, numbers in where.items():
        together.setdefault(numbers, []).append(ref)
    made: list[Series] = []
    for numbers, refs in together.items():
        made += _join([sections[n] for n in numbers], np.array(sorted(refs), dtype=np.int64), labels)
    made.sort(key=lambda s: s.labels.pairs)
    return made


def _join(sections: list[Section], refs: Refs, labels: Callable[[int], Labels]) -> list[Series]:
    sections.sort(key=lambda s: int(s.times[0]))
    times = np.concatenate([s.times for s in sections]) if len(sections) > 1 else sections[0].times
    parts = [_rows(s, refs) for s in sections]
    values = np.ascontiguousarray(np.concatenate(parts, axis=1) if len(parts) > 1 else parts[0])
    rising = len(sections) == 1 or bool((np.diff(times) > 0).all())
    gaps = is_absent(values)
    gappy: Any = gaps.any(axis=1).tolist()
    made = []
    for row, ref in enumerate(refs.tolist()):
        own_times, own_values = times, values[row]
        if gappy[row]:
            keep = ~gaps[row]
            own_times, own_values = times[keep], own_values[keep]
        if not rising:
            own_times, first = np.unique(own_times, return_index=True)
            own_values = own_values[first]
        if len(own_times):
            made.append(Series(labels(ref), own_times, own_values))
    return made


def _rows(section: Section, refs: Refs) -> Values:
    if len(refs) == len(section.refs) and np.array_equal(refs, section.refs):
        return section.values
    order = np.argsort(section.refs)
    return section.values[order[np.searchsorted(section.refs, refs, sorter=order)]]
