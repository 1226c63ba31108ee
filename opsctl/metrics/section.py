"""A section: series that share their times, as a matrix; and how sections become series again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opsctl.metrics.index import LabelIndex, Refs
from opsctl.model.labels import Labels
from opsctl.model.samples import Samples, edges_of, joined
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


def to_samples(sections: Sequence[Section], index: LabelIndex) -> Samples:
    """Joins the sections of each series in time order. Series of one source keep sharing their times."""
    apart = list(sections) if _disjoint(sections, index.size) else _by_source(sections)
    if not _disjoint(apart, index.size):
        return Samples.of(to_series(sections, index.labels))
    places, labels = index.ordered(joined([s.refs for s in apart], np.int64))
    heights = np.array([len(s.refs) for s in apart], dtype=np.int64)
    widths = np.repeat(np.array([len(s.times) for s in apart], dtype=np.int64), heights)
    axes = np.repeat(np.arange(len(apart), dtype=np.int64), heights)
    times = [s.times for s in apart]
    found = Samples(
        labels, (np.cumsum(widths) - widths)[places], axes[places], joined(times, np.int64), edges_of(times),
        joined([s.values for s in apart], np.float64),
    )  # fmt: skip
    gaps = is_absent(found.values)
    return found.without(gaps) if gaps.any() else found


def _disjoint(sections: Sequence[Section], size: int) -> bool:
    """Whether every series stands in one section only."""
    seen = np.zeros(size, dtype=bool)
    for section in sections:
        seen[section.refs] = True
    return int(np.count_nonzero(seen)) == sum(len(s.refs) for s in sections)


def _by_source(sections: Sequence[Section]) -> list[Section]:
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
