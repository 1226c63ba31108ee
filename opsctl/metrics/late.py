"""Late samples: those that fit into no matrix of the head, one by one, until they go into blocks of their own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from opsctl.metrics.index import Refs
from opsctl.metrics.loose import Loose
from opsctl.metrics.section import Values

_FIRST = 256


class Late:
    """Takes samples in any order; about 160 bytes each. One writer; what `view` gave does not change any more.

    `added` counts all that ever came; `flushed` those of them that are in blocks and forgotten here.
    """

    def __init__(self) -> None:
        self.added = self.flushed = 0
        self._names: dict[str, int] = {}
        self._ints = np.empty((3, _FIRST), dtype=np.int64)
        self._values = np.empty(_FIRST, dtype=np.float64)
        self._places: dict[int, int] = {}

    def __len__(self) -> int:
        return self.added - self.flushed

    def add(self, source: str, at_ms: int, refs: Refs, values: Values) -> None:
        """Adds samples of series that have none at this time."""
        begin, end = len(self), len(self) + len(refs)
        self._grow(end)
        name = self._names.setdefault(source, len(self._names))
        self._ints[0, begin:end], self._ints[1, begin:end], self._ints[2, begin:end] = name, refs, at_ms
        self._values[begin:end] = values
        for place, ref in enumerate(refs.tolist(), self.added):
            self._places[_key(ref, at_ms)] = place
        self.added += len(refs)

    def held(self, at_ms: int, refs: Refs, found: Values, seen: NDArray[np.bool_]) -> None:
        """Marks the series that have a sample at this time as `seen`, and puts its value into `found`."""
        for row, ref in enumerate(refs.tolist() if self._places else ()):
            place = self._places.get(_key(ref, at_ms))
            if place is not None:
                found[row], seen[row] = self._values[place - self.flushed], True

    def view(self) -> Loose:
        """All of it, without a copy."""
        sources, refs, times = self._ints[:, : len(self)]
        return Loose(tuple(self._names), sources, refs, times, self._values[: len(self)])

    def drop(self, count: int) -> None:
        """Forgets the first `count` samples: they are in a block."""
        gone, left = self.view(), len(self) - count
        for ref, at_ms in zip(gone.refs[:count].tolist(), gone.times[:count].tolist(), strict=True):
            self._places.pop(_key(ref, at_ms), None)
        ints, values = self._ints[:, count : count + left], self._values[count : count + left]
        self._ints, self._values = np.empty((3, max(_FIRST, left)), dtype=np.int64), np.empty(max(_FIRST, left))
        self._ints[:, :left], self._values[:left] = ints, values
        self.flushed += count
        if not left:
            self._names = {}

    def keep(self, mask: NDArray[np.bool_]) -> None:
        """Forgets those that are not masked."""
        kept = self.view().chosen(mask)
        self.drop(len(self))
        for place in range(len(kept)):
            part = slice(place, place + 1)
            self.add(kept.names[kept.sources[place]], int(kept.times[place]), kept.refs[part], kept.values[part])

    def _grow(self, needed: int) -> None:
        if needed > len(self._values):
            more = max(needed, 2 * len(self._values)) - len(self._values)
            self._ints = np.concatenate([self._ints, np.empty((3, more), dtype=np.int64)], axis=1)
            self._values = np.concatenate([self._values, np.empty(more)])


def _key(ref: int, at_ms: int) -> int:
    return at_ms << 32 | ref
