"""The embedded store: head in memory, write-ahead log before it, immutable blocks behind it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from opsctl.core.folder import OwnedFolder
from opsctl.core.log import Log
from opsctl.metrics.block import Block, ChunkCache, Damaged, write_block
from opsctl.metrics.head import WINDOW_MS, Head
from opsctl.metrics.index import LabelIndex, Refs
from opsctl.metrics.newest import Newest
from opsctl.metrics.registry import read_registry, write_registry
from opsctl.metrics.section import Section, Values, is_absent, to_samples
from opsctl.metrics.storage import Appended, Matchers, StoreStatus
from opsctl.metrics.wal import Replay, Wal, segments
from opsctl.model.batch import Batch
from opsctl.model.labels import METRIC_NAME, Labels
from opsctl.model.series import Series

LOG = Log("opsctl.metrics")
VERSION = 1
_LINGER_MS = 20 * 60 * 1000
"""How long after its end a window stays in memory."""
_REACH_MS = 3600 * 1000
"""A batch may be this much older than the newest of all; older ones are refused."""
_RETENTION_SECONDS = 90 * 86_400.0


class EmbeddedStore:
    """A Storage in one folder. kill -9 loses nothing appended; power loss what was appended since `maintain`.

    Memory holds at most about two and a half hours. Raises StateError when the folder is in use or too new.
    """

    def __init__(self, path: Path, retention_seconds: float = _RETENTION_SECONDS) -> None:
        self._owned = OwnedFolder(path, VERSION)
        self._path = path
        self._retention_ms = int(retention_seconds * 1000)
        self._lock = threading.Lock()
        self._maintaining = threading.Lock()
        self._index = LabelIndex()
        self._head = Head()
        self._newest = Newest()
        self._cache = ChunkCache()
        self._known: dict[str, tuple[tuple[Labels, ...], Refs]] = {}
        self._newest_ms = 0
        self._appended = self._out_of_order = self._set_aside = self._cuts = self._cut_failures = 0
        try:
            self._open()
        except BaseException:
            self._owned.close()
            raise

    def _open(self) -> None:
        (self._path / "blocks").mkdir(exist_ok=True)
        self._blocks = self._find_blocks()
        read_registry(self._path, self._blocks, self._index)
        self._cut_ms = max((b.window_end_ms for b in self._blocks), default=0)
        self._wal = Wal(self._path / "wal", self._index)
        for segment in segments(self._path / "wal"):
            self._replay(segment)

    def _find_blocks(self) -> tuple[Block, ...]:
        found = []
        for path in sorted((self._path / "blocks").glob("*.block")):
            try:
                found.append(Block(path, self._cache))
            except Damaged as error:
                self._put_aside(path, error.message)
        return tuple(sorted(found, key=lambda b: b.first_ms))

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
        with self._lock:
            views, blocks = self._head.views(start_ms, end_ms), self._blocks
        mask = np.zeros(self._index.size, dtype=bool)
        mask[refs] = True
        found = []
        for block in blocks:
            if block.first_ms <= end_ms and block.last_ms >= start_ms:
                found += self._of_block(block, mask, start_ms, end_ms)
        for view in views:
            part = view.only(mask, start_ms, end_ms)
            if part is not None:
                found.append(part)
        return found

    def _of_block(self, block: Block, mask: NDArray[np.bool_], start_ms: int, end_ms: int) -> list[Section]:
        try:
            return block.sections(mask, start_ms, end_ms)
        except Damaged as error:
            with self._lock:
                self._blocks = tuple(b for b in self._blocks if b is not block)
            self._put_aside(block.path, error.message)
            return []

    def _put_aside(self, path: Path, why: str) -> None:
        aside = self._path / "damaged"
        aside.mkdir(exist_ok=True)
        if path.exists():
            path.rename(aside / path.name)
            self._set_aside += 1
            LOG.error("metrics.block_set_aside", file=str(aside / path.name), error=why)

    def series(self, sets: Sequence[Matchers], start_ms: int, end_ms: int) -> list[Labels]:
        """As Storage."""
        if end_ms < start_ms:
            return []
        refs = np.unique(np.concatenate([self._index.match(m) for m in sets])) if sets else self._index.match(())
        return sorted(self._index.labels(ref) for ref in self._present(refs, start_ms, end_ms).tolist())

    def _present(self, refs: Refs, start_ms: int, end_ms: int) -> Refs:
        """Those of `refs` with a sample in the range; whole blocks inside it are not read but for their series."""
        with self._lock:
            views, blocks = self._head.views(start_ms, end_ms), self._blocks
        size = self._index.size
        here, wanted = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
        wanted[refs] = True
        for block in blocks:
            if block.first_ms <= end_ms and block.last_ms >= start_ms:
                for part in self._refs_of_block(block, start_ms, end_ms):
                    here[part] = True
        for view in views:
            section = view.only(wanted, start_ms, end_ms)
            if section is not None:
                here[section.refs[~is_absent(np.ascontiguousarray(section.values)).all(axis=1)]] = True
        return refs[here[refs]]

    def _refs_of_block(self, block: Block, start_ms: int, end_ms: int) -> list[Refs]:
        try:
            return block.refs(start_ms, end_ms)
        except Damaged:
            return []

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
            self._retire(int(now * 1000) - self._retention_ms)

    def _cut(self, window: int) -> None:
        """Moves one window from memory into a block, then lets go of its log."""
        end_ms = (window + 1) * WINDOW_MS
        with self._lock:
            self._cut_ms = max(self._cut_ms, end_ms)
            sections = self._head.window(window)
        joined = [s for group in _by_source(sections) for s in group]
        try:
            write_registry(self._path, self._index)
            path = write_block(self._path / "blocks", joined, self._index.labels, end_ms)
        except OSError as error:
            self._cut_failures += 1
            LOG.error("metrics.cut_failed", window=window, error=str(error))
            return
        with self._lock:
            self._blocks = (*self._blocks, Block(path, self._cache))
            self._head.drop(window)
        self._wal.drop(end_ms)
        self._cuts += 1
        LOG.info("metrics.block_written", file=path.name, bytes=path.stat().st_size, sources=len(joined))

    def _retire(self, before_ms: int) -> None:
        old = [b for b in self._blocks if b.last_ms < before_ms]
        if not old:
            return
        with self._lock:
            self._blocks = tuple(b for b in self._blocks if b not in old)
        for block in old:
            block.path.unlink(missing_ok=True)
            LOG.info("metrics.block_retired", file=block.path.name)

    def fill(self, sections: Sequence[tuple[tuple[Labels, ...], Section]]) -> None:
        """Writes old samples straight into a block. Each section's `refs` are positions in its label sets."""
        ready = []
        for labels, section in sections:
            refs = np.array([self._index.intern(labels[i]) for i in section.refs.tolist()], dtype=np.int64)
            ready.append(Section(section.source, refs, section.times, section.values))
        write_registry(self._path, self._index)
        path = write_block(self._path / "blocks", ready, self._index.labels)
        with self._lock:
            self._blocks = tuple(sorted((*self._blocks, Block(path, self._cache)), key=lambda b: b.first_ms))

    def status(self) -> StoreStatus:
        """As Storage."""
        with self._lock:
            (first, last), blocks = self._head.bounds(), self._blocks
            return StoreStatus(
                series=len(self._index), head_samples=self._head.samples(), head_min_ms=first, head_max_ms=last,
                appended=self._appended, out_of_order=self._out_of_order, blocks=len(blocks),
                oldest_ms=min((b.first_ms for b in blocks), default=first), block_bytes=sum(b.size for b in blocks),
                wal_bytes=self._wal.size(), wal_failures=self._wal.failures, cuts=self._cuts,
                cut_failures=self._cut_failures, set_aside=self._set_aside, labels=self._index.value_counts(),
            )  # fmt: skip

    def metric_counts(self) -> dict[str, int]:
        """How many series each metric name has."""
        counts: dict[str, int] = {}
        for _, labels in self._index.all():
            counts[labels.get(METRIC_NAME, "")] = counts.get(labels.get(METRIC_NAME, ""), 0) + 1
        return counts

    def close(self) -> None:
        """As Storage."""
        with self._maintaining, self._lock:
            self._wal.rotate()
        self._owned.close()


def _by_source(sections: Sequence[Section]) -> list[list[Section]]:
    """The slabs of a source, joined into one section where they have the same series."""
    by: dict[str, list[Section]] = {}
    for section in sections:
        last = by.setdefault(section.source, [])
        if last and np.array_equal(last[-1].refs, section.refs):
            before = last.pop()
            section = Section(
                section.source, section.refs, np.concatenate([before.times, section.times]),
                np.concatenate([before.values, section.values], axis=1),
            )  # fmt: skip
        last.append(section)
    return list(by.values())
