"""The newest sample of every series: what decides whether the next one is taken."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opsctl.metrics.index import Refs
from opsctl.metrics.section import Values

_NEVER = np.iinfo(np.int64).min

Places = NDArray[np.int64]
Slots = NDArray[np.int32]
_REMEMBERED = 1 << 16


@dataclass(frozen=True, eq=False, slots=True)
class Verdict:
    """What samples at one instant are: positions of the `newer` (None: all) and of the `older`, counts of the others."""

    newer: Places | None
    older: Places
    repeated: int = 0
    duplicate: int = 0


_NONE: Places = np.empty(0, dtype=np.int64)


class Newest:
    """Time and value of each series' newest sample, by its number. A number that is forgotten costs four bytes."""

    def __init__(self) -> None:
        self._slot = np.full(0, -1, dtype=np.int32)
        self._times = np.full(0, _NEVER, dtype=np.int64)
        self._values = np.zeros(0, dtype=np.float64)
        self._used = 0
        self._free: list[int] = []
        self._seen: dict[int, tuple[Refs, Slots, bool]] = {}
        self._remembered = 0

    def judge(self, at_ms: int, refs: Refs, values: Values) -> Verdict:
        """What becomes of samples at `at_ms`. Of a series named twice the first counts, the others are duplicates.

        Source: prometheus tsdb memSeries.appendable.
        """
        slots, distinct = self._found(refs)
        last = self._times[slots]
        newer = last < at_ms
        if distinct and newer.all():
            return Verdict(None, _NONE)
        _, firsts = np.unique(refs, return_index=True)
        once = np.zeros(len(refs), dtype=bool)
        once[firsts] = True
        equal = last == at_ms
        same = equal & (self._values[slots].view(np.uint64) == values.view(np.uint64))
        return Verdict(
            np.flatnonzero(newer & once), np.flatnonzero((last > at_ms) & once), int(same.sum()),
            int((equal & ~same).sum() + (~equal & ~once).sum()),
        )  # fmt: skip

    def note(self, at_ms: int, refs: Refs, values: Values) -> None:
        """Takes those of these samples that are newer as their series' newest."""
        slots, _ = self._found(refs)
        newer = self._times[slots] < at_ms
        if not newer.all():
            slots, values = slots[newer], values[newer]
        self._times[slots] = at_ms
        self._values[slots] = values

    def forget(self, refs: Refs) -> None:
        """Lets go of series that are no more."""
        self._seen, self._remembered = {}, 0
        refs = refs[refs < len(self._slot)]
        slots = self._slot[refs]
        slots = slots[slots >= 0]
        self._times[slots] = _NEVER
        self._free += slots.tolist()
        self._slot[refs] = -1

    def _found(self, refs: Refs) -> tuple[Slots, bool]:
        """The slots of series, and whether each is named once; remembered for the same array."""
        seen = self._seen.get(id(refs))
        if seen is not None and seen[0] is refs:
            return seen[1], seen[2]
        slots = self._slots(refs)
        distinct = len(np.unique(refs)) == len(refs)
        self._remembered += len(refs)
        if self._remembered > max(_REMEMBERED, 2 * self._used):
            self._seen, self._remembered = {}, len(refs)
        self._seen[id(refs)] = (refs, slots, distinct)
        return slots, distinct

    def _slots(self, refs: Refs) -> Slots:
        needed = int(refs.max(initial=-1)) + 1
        if needed > len(self._slot):
            more = max(needed, len(self._slot) * 5 // 4) - len(self._slot)
            self._slot = np.concatenate([self._slot, np.full(more, -1, dtype=np.int32)])
        slots = self._slot[refs]
        if slots.min(initial=0) < 0:
            for ref in np.unique(refs[slots < 0]).tolist():
                self._slot[ref] = self._new()
            slots = self._slot[refs]
        return slots

    def _new(self) -> int:
        if self._free:
            return self._free.pop()
        if self._used == len(self._times):
            more = max(1024, self._used // 2)
            self._times = np.concatenate([self._times, np.full(more, _NEVER, dtype=np.int64)])
            self._values = np.concatenate([self._values, np.zeros(more)])
        self._used += 1
        return self._used - 1
