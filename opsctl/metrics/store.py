"""The embedded store: head in memory, write-ahead log before it, immutable blocks behind it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from opsctl.core.folder import OwnedFolder
from opsctl.core.log import Log
from opsctl.metrics.block import Vanished
from opsctl.metrics.head import WINDOW_MS, Head
from opsctl.metrics.index import LabelIndex, Refs
from opsctl.metrics.newest import Newest
from opsctl.metrics.registry import read_registry, write_registry
from opsctl.metrics.section import Section, Values, is_absent, to_samples, united
from opsctl.metrics.shelf import Shelf
from opsctl.metrics.storage import Appended, Matchers, StoreStatus
from opsctl.metrics.wal import Replay, Wal, segments
from opsctl.metrics.weights import Weighed, weigh
from opsctl.model.batch import Batch
from opsctl.model.labels import METRIC_NAME, Labels
from opsctl.model.series import Series

LOG = Log("opsctl.metrics")
VERSION = 1
_LINGER_MS = 20 * 60 * 1000
"""How long after its end a window stays in memory."""
_REACH_MS = 3600 * 1000
"""A batch may be this much older than the newest of all; older ones are refused."""
_EVER_MS = 2**62
_RETENTION_SECONDS = 90 * 86_400.0


class EmbeddedStore:
    """A Storage in one folder. kill -9 loses nothing appended; power loss what was appended since `maintain`.

    Memory holds at most about two and a half hours; blocks go when they are older than `retention_seconds`, the oldest
    first also when all of them take more than `retention_bytes` (0: no limit). Raises StateError when the folder is in use or too new.
    """

    def __init__(
        self, path: Path, retention_seconds: float = _RETENTION_SECONDS, retention_bytes: int = 0
    ) -> None:  # fmt: skip
        self._owned = OwnedFolder(path, VERSION)
        self._path = path
        self._retention_ms, self._retention_bytes = int(retention_seconds * 1000), retention_bytes
        self._lock = threading.Lock()
        self._maintaining = threading.Lock()
        self._index = LabelIndex()
        self._head = Head()
        self._newest = Newest()
        self._known: dict[str, tuple[tuple[Labels, ...], Refs]] = {}
        self._newest_ms = 0
        self._appended = self._out_of_order = self._cuts = self._cut_failures = 0
        try:
            self._open()
        except BaseException:
            self._owned.close()
            raise

    def _open(self) -> None:
        self._shelf = Shelf(self._path / "blocks", self._path / "damaged")
        read_registry(self._path, self._shelf.blocks, self._index)
        self._cut_ms = max((b.window_end_ms for b in self._shelf.blocks), default=0)
        self._wal = Wal(self._path / "wal", self._index)
        for segment in segments(self._path / "wal"):
            self._replay(segment)

    def _replay(self, path: Path) -> None:
        replay, newest = Replay(path, self._index), 0
        for batch in replay.batches():
            newest = max(newest, batch.at_ms)
            if batch.at_ms >= self._cut_ms:
                self._head.append(batch.source, batch.at_ms, self._same(batch.source, batch.refs), batch.values)
                self._newest.note(batch.at_ms, batch.refs, batch.values)
                self._newest_ms = max(self._newest_ms, batch.at_ms)
        self._wal.note(path, newest)
        if replay.whole < replay.size:
            self._cut_tail(path, replay)

    def _cut_tail(self, path: Path, replay: Replay) -> None:
        """Keeps the good part of a segment; the rest goes to `damaged/` for whoever wants to look."""
        tail = path.read_bytes()[replay.whole :]
        LOG.warning("metrics.wal_tail_cut", segment=str(path), at=replay.whole, lost_bytes=len(tail))
        aside = self._path / "damaged"
        aside.mkdir(exist_ok=True)
        (aside / f"wal-{path.name}-{replay.whole}").write_bytes(tail)
        with path.open("r+b") as file:
            file.truncate(replay.whole)

    def append(self, *batches: Batch) -> Appended:
        """As Storage. Samples that the disk does not take stay in memory, and are counted."""
        result = Appended()
        for batch in batches:
            if len(batch.values):
                result += self._append(batch, np.ascontiguousarray(batch.values, dtype=np.float64))
        return result

    def _append(self, batch: Batch, values: Values) -> Appended:
        refs, at_ms = self._refs(batch), batch.at_ms
        with self._lock:
            if at_ms < max(self._cut_ms, self._newest_ms - _REACH_MS):
                self._out_of_order += len(values)
                return Appended(too_old=len(values))
            keep, result = self._newest.judge(at_ms, refs, values)
            self._out_of_order += result.refused
            if keep is not None:
                refs, values = self._same(batch.source, refs[keep]), values[keep]
            if len(refs):
                self._head.append(batch.source, at_ms, refs, values)
                self._newest.note(at_ms, refs, values)
                self._newest_ms = max(self._newest_ms, at_ms)
                self._wal.append(batch.source, at_ms, refs, values)
                self._appended += len(values)
        return result

    def _refs(self, batch: Batch) -> Refs:
        known = self._known.get(batch.source)
        if known is not None and known[0] is batch.labels:
            return known[1]
        intern = self._index.intern
        refs = np.fromiter((intern(labels) for labels in batch.labels), np.int64, len(batch.labels))
        refs = self._same(batch.source, refs)
        self._known[batch.source] = (batch.labels, refs)
        return refs

    def _same(self, source: str, refs: Refs) -> Refs:
        """The array that stood for these series before, so that head and log see it is the same."""
        known = self._known.get(source)
        if known is not None and np.array_equal(known[1], refs):
            return known[1]
        self._known[source] = ((), refs)
        return refs

    def select(self, matchers: Matchers, start_ms: int, end_ms: int) -> Sequence[Series]:
        """As Storage. A damaged block is set aside, and the rest answers."""
        refs = self._index.match(matchers)
        return to_samples(self._sections(refs, start_ms, end_ms) if len(refs) else [], self._index)

    def _sections(self, refs: Refs, start_ms: int, end_ms: int) -> list[Section]:
        """Anew when a block was merged away under our hands."""
        while True:
            with contextlib.suppress(Vanished):
                return self._look(refs, start_ms, end_ms)

    def _look(self, refs: Refs, start_ms: int, end_ms: int) -> list[Section]:
        with self._lock:
            views, blocks = self._head.views(start_ms, end_ms), self._shelf.blocks
        mask = np.zeros(self._index.size, dtype=bool)
        mask[refs] = True
        parts = (view.only(mask, start_ms, end_ms) for view in views)
        return [*self._shelf.sections(blocks, mask, start_ms, end_ms), *(part for part in parts if part is not None)]

    def series(self, sets: Sequence[Matchers], start_ms: int, end_ms: int) -> list[Labels]:
        """As Storage."""
        if end_ms < start_ms:
            return []
        refs = np.unique(np.concatenate([self._index.match(m) for m in sets])) if sets else self._index.match(())
        return sorted(self._index.labels(ref) for ref in self._present(refs, start_ms, end_ms).tolist())

    def _present(self, refs: Refs, start_ms: int, end_ms: int) -> Refs:
        """Those of `refs` with a sample in the range; whole blocks inside it are not read but for their series."""
        while True:
            with contextlib.suppress(Vanished):
                return self._seen(refs, start_ms, end_ms)

    def _seen(self, refs: Refs, start_ms: int, end_ms: int) -> Refs:
        with self._lock:
            views, blocks = self._head.views(start_ms, end_ms), self._shelf.blocks
        size = self._index.size
        here, wanted = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
        wanted[refs] = True
        for part in self._shelf.refs(blocks, start_ms, end_ms):
            here[part] = True
        for view in views:
            section = view.only(wanted, start_ms, end_ms)
            if section is not None:
                here[section.refs[~is_absent(np.ascontiguousarray(section.values)).all(axis=1)]] = True
        return refs[here[refs]]

    def label_names(self, sets: Sequence[Matchers], start_ms: int, end_ms: int) -> list[str]:
        """As Storage."""
        return sorted({name for labels in self.series(sets, start_ms, end_ms) for name in labels})

    def label_values(self, name: str, sets: Sequence[Matchers], start_ms: int, end_ms: int) -> list[str]:
        """As Storage."""
        found = {labels.get(name, "") for labels in self.series(sets, start_ms, end_ms)}
        return sorted(found - {""})

    def maintain(self, now: float) -> None:
        """As Storage. Not on the event loop: it waits for the disk."""
        with self._maintaining:
            self._wal.sync()
            for window in self._head.windows():
                if (window + 1) * WINDOW_MS + _LINGER_MS <= now * 1000:
                    self._cut(window)
            now_ms = int(now * 1000)
            self._shelf.retire(now_ms - self._retention_ms, self._retention_bytes)
            self._shelf.merge(self._index.labels, self._index.size, now_ms)

    def _cut(self, window: int) -> None:
        """Moves one window from memory into a block, then lets go of its log."""
        end_ms = (window + 1) * WINDOW_MS
        with self._lock:
            self._cut_ms = max(self._cut_ms, end_ms)
            sections = self._head.window(window)
        joined = united(sections)
        try:
            write_registry(self._path, self._index)
            block = self._shelf.add(joined, self._index.labels, end_ms)
        except OSError as error:
            self._cut_failures += 1
            LOG.error("metrics.cut_failed", window=window, error=str(error))
            return
        with self._lock:
            self._shelf.take(block)
            self._head.drop(window)
        self._wal.drop(end_ms)
        self._cuts += 1
        LOG.info("metrics.block_written", file=block.path.name, bytes=block.size, sources=len(joined))

    def fill(self, sections: Sequence[tuple[tuple[Labels, ...], Section]]) -> None:
        """Writes old samples straight into a block. Each section's `refs` are positions in its label sets."""
        ready = []
        for labels, section in sections:
            refs = np.array([self._index.intern(labels[i]) for i in section.refs.tolist()], dtype=np.int64)
            ready.append(Section(section.source, refs, section.times, section.values))
        write_registry(self._path, self._index)
        self._shelf.take(self._shelf.add(ready, self._index.labels))

    def status(self) -> StoreStatus:
        """As Storage."""
        with self._lock:
            (first, last), blocks = self._head.bounds(), self._shelf.blocks
            return StoreStatus(
                series=len(self._index), head_samples=self._head.samples(), head_min_ms=first, head_max_ms=last,
                appended=self._appended, out_of_order=self._out_of_order, blocks=len(blocks),
                oldest_ms=min((b.first_ms for b in blocks), default=first), block_bytes=sum(b.size for b in blocks),
                wal_bytes=self._wal.size(), wal_failures=self._wal.failures, cuts=self._cuts,
                cut_failures=self._cut_failures + self._shelf.merge_failures, set_aside=self._shelf.set_aside, labels=self._index.value_counts(),
            )  # fmt: skip

    def metric_counts(self) -> dict[str, int]:
        """How many series each metric name has."""
        counts: dict[str, int] = {}
        for _, labels in self._index.all():
            counts[labels.get(METRIC_NAME, "")] = counts.get(labels.get(METRIC_NAME, ""), 0) + 1
        return counts

    def weighed(self) -> list[Weighed]:
        """Every series that has samples, with what it weighs."""
        while True:
            with contextlib.suppress(Vanished):
                return self._weighed()

    def _weighed(self) -> list[Weighed]:
        with self._lock:
            views, blocks = self._head.views(0, _EVER_MS), self._shelf.blocks
        samples, weights = weigh(self._index.size, self._shelf.rows(blocks), views)
        heavy = [(ref, labels) for ref, labels in self._index.all() if ref < len(samples) and samples[ref]]
        return [Weighed(labels, int(samples[ref]), float(weights[ref])) for ref, labels in heavy]

    def close(self) -> None:
        """As Storage."""
        with self._maintaining, self._lock:
            self._wal.rotate()
        self._owned.close()
