"""What becomes of every sample: judged by its series' newest, counted against the limits, put into the head."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from opsctl.metrics.census import Census
from opsctl.metrics.head import Head
from opsctl.metrics.index import LabelIndex, Refs
from opsctl.metrics.newest import Newest, Places
from opsctl.metrics.section import Values
from opsctl.metrics.storage import Appended
from opsctl.metrics.wal import Logged
from opsctl.model.batch import Batch
from opsctl.model.labels import Labels

_REACH_MS = 3600 * 1000
"""A batch may be this much older than the newest of all; older ones are late, or refused."""

Held = Callable[[int, Refs], tuple[Values, NDArray[np.bool_]]]
"""The samples that blocks have of series at an instant, and which have one."""


class Intake:
    """Takes batches into the head. Not safe for threads: whoever calls holds the store's lock.

    `late_ms`: samples older than their series' newest are taken when they are at most so much older than the newest of
    all; 0: they are refused. `cut_ms`: what is older is in blocks already.
    """

    def __init__(self, index: LabelIndex, head: Head, census: Census, held: Held, late_ms: int) -> None:
        self._index, self._head, self._census, self._held, self.late_ms = index, head, census, held, late_ms
        self._newest = Newest()
        self._known: dict[str, tuple[tuple[Labels, ...], Refs]] = {}
        self.newest_ms = self.cut_ms = 0

    def take(self, batch: Batch, logged: list[Logged]) -> Appended:
        """Takes what can be taken of a batch, and adds to `logged` what is to be written down of it."""
        values, at_ms = np.ascontiguousarray(batch.values, dtype=np.float64), batch.at_ms
        in_time = at_ms >= max(self.cut_ms, self.newest_ms - _REACH_MS)
        in_window = self.late_ms > 0 and at_ms >= self.newest_ms - self.late_ms
        if not (in_time or in_window):
            return Appended(too_old=len(values))
        refs, over = self._refs(batch)
        if over is not None:
            values = values[~over]
        verdict = self._newest.judge(at_ms, refs, values)
        if in_time and over is None and verdict.newer is None:
            return self._take_newer(batch, refs, values, None, logged)
        result = Appended(
            over_limit=len(batch.values) - len(values), repeated=verdict.repeated, duplicate=verdict.duplicate
        )
        newer, older = verdict.newer, verdict.older
        if not in_time:
            newer, older = older[:0], np.arange(len(refs)) if newer is None else np.union1d(newer, older)
        if in_window and len(older):
            result += self._take_late(batch, refs[older], values[older], logged)
        elif len(older):
            result += Appended(out_of_order=len(older))
        return result + self._take_newer(batch, refs, values, newer, logged)

    def _take_newer(
        self, batch: Batch, refs: Refs, values: Values, places: Places | None, logged: list[Logged]
    ) -> Appended:  # fmt: skip
        if places is not None:
            refs, values = self._same(batch.source, refs[places]), values[places]
        if not len(refs):
            return Appended()
        late = self._head.append(batch.source, batch.at_ms, refs, values)
        self._note(Logged(batch.source, batch.at_ms, refs, values, late), logged)
        return Appended(kept=len(refs))

    def _take_late(self, batch: Batch, refs: Refs, values: Values, logged: list[Logged]) -> Appended:
        """Each of them unless there is a sample of its time already."""
        there, seen = self.held(batch.at_ms, refs)
        same = seen & (there.view(np.uint64) == values.view(np.uint64))
        fresh = ~seen
        if fresh.any():
            refs, values = refs[fresh], values[fresh]
            self._head.late.add(batch.source, batch.at_ms, refs, values)
            self._note(Logged(batch.source, batch.at_ms, refs, values, self._head.late.added), logged)
        return Appended(kept=int(fresh.sum()), repeated=int(same.sum()), duplicate=int((seen & ~same).sum()))

    def held(self, at_ms: int, refs: Refs) -> tuple[Values, NDArray[np.bool_]]:
        """The samples that there are of series at an instant, and which have one."""
        found, seen = self._held(at_ms, refs)
        self._head.held(at_ms, refs, found, seen)
        return found, seen

    def _note(self, taken: Logged, logged: list[Logged]) -> None:
        self._newest.note(taken.at_ms, taken.refs, taken.values)
        self.newest_ms = max(self.newest_ms, taken.at_ms)
        logged.append(taken)

    def replay(self, batch: Logged) -> None:
        """Takes again what the log has. Late samples may be in a block by now: `prune` them afterwards."""
        if batch.late:
            self._head.late.add(batch.source, batch.at_ms, batch.refs, batch.values)
        elif batch.at_ms >= self.cut_ms:
            self._head.append(batch.source, batch.at_ms, self._same(batch.source, batch.refs), batch.values)
        else:
            return
        self._census.claim(batch.source, batch.refs)
        self._note(batch, [])

    def forget(self, refs: Refs) -> None:
        """Lets go of series that are no more."""
        self._newest.forget(refs)
        gone = np.zeros(self._index.size, dtype=bool)
        gone[refs] = True
        self._known = {source: known for source, known in self._known.items() if not gone[known[1]].any()}

    def _refs(self, batch: Batch) -> tuple[Refs, NDArray[np.bool_] | None]:
        """The numbers of a batch's series, without those that are `over` the limit (None: none is)."""
        known = self._known.get(batch.source)
        if known is not None and known[0] == batch.labels:
            return known[1], None
        refs, over = self._numbered(batch)
        self._census.claim(batch.source, refs)
        same = self._same(batch.source, refs)
        if over is None:
            self._known[batch.source] = (batch.labels, same)
        return same, over

    def _numbered(self, batch: Batch) -> tuple[Refs, NDArray[np.bool_] | None]:
        room = self._census.room(batch.source, len(self._index))
        if room is None:
            intern = self._index.intern
            return np.fromiter((intern(labels) for labels in batch.labels), np.int64, len(batch.labels)), None
        numbers = []
        for labels in batch.labels:
            number = self._index.find(labels)
            if number < 0 < room:
                number, room = self._index.intern(labels), room - 1
            numbers.append(number)
        refs = np.array(numbers, dtype=np.int64)
        over = refs < 0
        if not over.any():
            return refs, None
        self._census.refuse(batch.source, int(over.sum()))
        return refs[~over], over

    def _same(self, source: str, refs: Refs) -> Refs:
        """The array that stood for these series before, so that head and log see it is the same."""
        known = self._known.get(source)
        if known is not None and np.array_equal(known[1], refs):
            return known[1]
        self._known[source] = ((), refs)
        return refs
