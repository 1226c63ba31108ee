"""The newest sample of every series: what decides whether the next one is taken."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from opsctl.metrics.index import Refs
from opsctl.metrics.section import Values
from opsctl.metrics.storage import Appended

_NEVER = np.iinfo(np.int64).min


class Newest:
    """Time and value of each series' newest sample, by its number."""

    def __init__(self) -> None:
        self._times = np.full(0, _NEVER, dtype=np.int64)
        self._values = np.zeros(0, dtype=np.float64)

    def judge(self, at_ms: int, refs: Refs, values: Values) -> tuple[NDArray[np.int64] | None, Appended]:
        """The positions to keep (None: all) of samples at `at_ms`, and the verdict in counts.

        Source: prometheus tsdb memSeries.appendable, without an out-of-order window.
        """
        self._grow(refs)
        last = self._times[refs]
        newer = last < at_ms
        _, firsts = np.unique(refs, return_index=True)
        if len(firsts) == len(refs) and newer.all():
            return None, Appended(kept=len(refs))
        once = np.zeros(len(refs), dtype=bool)
        once[firsts] = True
        same = (last == at_ms) & (self._values[refs].view(np.uint64) == values.view(np.uint64))
        keep = np.flatnonzero(newer & once)
        return keep, Appended(
            kept=len(keep), repeated=int(same.sum()), duplicate=int(((last == at_ms) & ~same).sum() + (newer & ~once).sum()),
            out_of_order=int((last > at_ms).sum()),
        )  # fmt: skip

    def note(self, at_ms: int, refs: Refs, values: Values) -> None:
        """Takes these samples as their series' newest."""
        self._grow(refs)
        self._times[refs] = at_ms
        self._values[refs] = values

    def _grow(self, refs: Refs) -> None:
        needed = int(refs.max(initial=-1)) + 1
        if needed > len(self._times):
            more = max(needed, len(self._times) * 3 // 2) - len(self._times)
            self._times = np.concatenate([self._times, np.full(more, _NEVER, dtype=np.int64)])
            self._values = np.concatenate([self._values, np.zeros(more)])
