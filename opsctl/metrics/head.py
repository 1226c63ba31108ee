"""The head: the newest hours in memory, one growing matrix per source."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from opsctl.metrics.index import Refs
from opsctl.metrics.late import Late
from opsctl.metrics.section import Section, Values, absent, is_absent

WINDOW_MS = 2 * 3600 * 1000
"""Head matrices and blocks end at multiples of this."""
_FIRST_COLUMNS, _MOST_COLUMNS = 32, 512
_LANES = 4
_SPARE_CELLS, _CELLS_A_SAMPLE = 1 << 15, 8
"""A matrix may be so much larger than the samples in it."""


class Slab:
    """Series of one source over at most 512 instants of one window. Cells left of `count` never change."""

    def __init__(self, source: str, window: int) -> None:
        self.source = source
        self.window = window
        self.count = 0
        self._held = 0
        self._row_of: dict[int, int] = {}
        self._refs: Refs = np.empty(0, dtype=np.int64)
        self._times = np.empty(_FIRST_COLUMNS, dtype=np.int64)
        self._values = absent((0, _FIRST_COLUMNS))
        self._last: Refs | None = None
        self._last_rows: Refs | slice = slice(0, 0)

    @property
    def full(self) -> bool:
        return self.count == _MOST_COLUMNS

    @property
    def samples(self) -> int:
        return self.count * len(self._refs)

    @property
    def bounds(self) -> tuple[int, int]:
        return int(self._times[0]), int(self._times[self.count - 1])

    @property
    def refs(self) -> Refs:
        return self._refs

    def takes(self, at_ms: int, count: int) -> bool:
        """Whether a batch of `count` samples may come here or after here: time does not fall, the matrix stays dense."""
        last = self.bounds[1]
        if at_ms <= last or self.full or at_ms // WINDOW_MS != self.window:
            return at_ms >= last
        cells = max(len(self._refs), count) * (self.count + 1)
        return cells <= _SPARE_CELLS + _CELLS_A_SAMPLE * (self._held + count)

    def append(self, at_ms: int, refs: Refs, values: Values) -> None:
        """Adds a column, or completes the last one when it has this time."""
        self._held += len(refs)
        if self.count and at_ms == self._times[self.count - 1]:
            rows = self._rows(refs)
            self._values[rows, self.count - 1] = values
            return
        if self.count == len(self._times):
            self._widen()
        rows = self._last_rows if refs is self._last else self._rows(refs)
        self._values[rows, self.count] = values
        self._times[self.count] = at_ms
        self.count += 1

    def held(self, at_ms: int, refs: Refs, found: Values, seen: NDArray[np.bool_]) -> None:
        """Marks the series that have a sample at this time as `seen`, and puts its value into `found`."""
        column = int(self._times[: self.count].searchsorted(at_ms))
        if column == self.count or self._times[column] != at_ms:
            return
        rows = np.array([self._row_of.get(ref, -1) for ref in refs.tolist()], dtype=np.int64)
        values = self._values[rows, column]
        here = (rows >= 0) & ~is_absent(values)
        found[here], seen[here] = values[here], True

    def view(self) -> Section:
        """All of it, without a copy; it does not change when more is appended."""
        return Section(
            self.source, self._refs, self._times[: self.count], self._values[: len(self._refs), : self.count]
        )

    def _rows(self, refs: Refs) -> Refs | slice:
        numbers = refs.tolist()
        new = [ref for ref in numbers if ref not in self._row_of]
        if new:
            self._lengthen(new)
        rows = np.fromiter((self._row_of[ref] for ref in numbers), np.int64, len(numbers))
        straight = len(rows) > 0 and rows[0] == 0 and bool((np.diff(rows) == 1).all())
        self._last, self._last_rows = refs, slice(0, len(rows)) if straight else rows
        return self._last_rows

    def _lengthen(self, new: list[int]) -> None:
        for ref in new:
            self._row_of.setdefault(ref, len(self._row_of))
        total = len(self._row_of)
        if total > len(self._values):
            grown = absent((max(total, len(self._values) * 3 // 2), len(self._times)))
            grown[: len(self._refs)] = self._values[: len(self._refs)]
            self._values = grown
        self._refs = np.fromiter(self._row_of, np.int64, total)

    def _widen(self) -> None:
        columns = min(_MOST_COLUMNS, len(self._times) * 3 // 2)
        wider = absent((len(self._values), columns))
        wider[:, : self.count] = self._values[:, : self.count]
        times = np.empty(columns, dtype=np.int64)
        times[: self.count] = self._times[: self.count]
        self._values, self._times = wider, times


class Head:
    """The slabs of every source, oldest first. One writer; readers take `views` under the store's lock.

    A source whose series come at times of their own has a few lanes, in each of which time rises. What fits into none
    (falling or wildly mixed times, a few series of many) is among `late`: memory grows with the samples, not faster.
    """

    def __init__(self) -> None:
        self._slabs: dict[tuple[str, int], list[Slab]] = {}
        self.late = Late()

    def append(self, source: str, at_ms: int, refs: Refs, values: Values) -> int:
        """Adds one instant of series that have no sample at it or after it. Returns `late.added` if they are among them, else 0."""
        slabs = self._lane(source, at_ms, len(refs))
        if slabs is None:
            self.late.add(source, at_ms, refs, values)
            return self.late.added
        if not slabs or slabs[-1].window != at_ms // WINDOW_MS or (slabs[-1].full and slabs[-1].bounds[1] != at_ms):
            slabs.append(Slab(source, at_ms // WINDOW_MS))
        slabs[-1].append(at_ms, refs, values)
        return 0

    def _lane(self, source: str, at_ms: int, count: int) -> list[Slab] | None:
        for lane in range(_LANES):
            slabs = self._slabs.setdefault((source, lane), [])
            if not slabs or slabs[-1].takes(at_ms, count):
                return slabs
        return None

    def held(self, at_ms: int, refs: Refs, found: Values, seen: NDArray[np.bool_]) -> None:
        """Marks the series that have a sample at this time as `seen`, and puts its value into `found`."""
        self.late.held(at_ms, refs, found, seen)
        for slab in self._all():
            if slab.bounds[0] <= at_ms <= slab.bounds[1]:
                slab.held(at_ms, refs, found, seen)

    def views(self, start_ms: int, end_ms: int) -> list[Section]:
        found = []
        for slab in self._all():
            first, last = slab.bounds
            if first <= end_ms and last >= start_ms:
                found.append(slab.view())
        return found

    def windows(self) -> list[int]:
        """The windows that have samples, oldest first."""
        return sorted({slab.window for slab in self._all()})

    def window(self, window: int) -> list[Section]:
        return [slab.view() for slab in self._all() if slab.window == window]

    def drop(self, window: int) -> None:
        """Forgets a window and all before it."""
        for lane, slabs in list(self._slabs.items()):
            kept = [s for s in slabs if s.window > window]
            if kept:
                self._slabs[lane] = kept
            else:
                del self._slabs[lane]

    def held_series(self) -> list[tuple[str, Refs]]:
        """The series in memory by source."""
        late = self.late.view()
        kept = [(name, late.refs[late.sources == number]) for number, name in enumerate(late.names)]
        return [*((slab.source, slab.refs) for slab in self._all()), *kept]

    def samples(self) -> int:
        return sum(s.samples for s in self._all()) + len(self.late)

    def bounds(self) -> tuple[int, int]:
        every = [s.bounds for s in self._all()]
        return (min(b[0] for b in every), max(b[1] for b in every)) if every else (0, 0)

    def _all(self) -> Iterable[Slab]:
        return [slab for slabs in self._slabs.values() for slab in slabs if slab.count]
