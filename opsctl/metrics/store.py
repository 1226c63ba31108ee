"""The embedded store: head in memory, write-ahead log before it, immutable blocks behind it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from opsctl.core.folder import OwnedFolder
from opsctl.core.log import Log
from opsctl.core.memory import trim_memory
from opsctl.metrics.block import Block, Vanished
from opsctl.metrics.census import Census, SeriesLimits
from opsctl.metrics.flat import to_samples
from opsctl.metrics.head import WINDOW_MS, Head
from opsctl.metrics.index import Forgotten, LabelIndex, Refs
from opsctl.metrics.intake import Intake
from opsctl.metrics.loose import Loose, untangled
from opsctl.metrics.merging import DAY_MS, LATE_END
from opsctl.metrics.registry import read_registry, write_registry
from opsctl.metrics.replay import Replay, put_aside
from opsctl.metrics.section import Section, Values, is_absent
from opsctl.metrics.shelf import Shelf
from opsctl.metrics.storage import Appended, Matchers, StoreStatus, total
from opsctl.metrics.wal import Logged, Wal, segments
from opsctl.model.batch import Batch
from opsctl.model.labels import METRIC_NAME, Labels
from opsctl.model.series import Series

LOG = Log("opsctl.metrics")
T = TypeVar("T")
VERSION = 1
_LINGER_MS = 20 * 60 * 1000
"""How long after its end a window stays in memory."""
_RETENTION_SECONDS = 90 * 86_400.0
_NO_LIMITS = SeriesLimits()
_MOST_LATE = 1 << 18
"""So many late samples in memory are flushed at once."""
_COLLECT_EVERY, _TRIM_EVERY = 3600.0, 10.0
_FORGET_AT_ONCE = 5000


class EmbeddedStore:
    """A Storage in one folder. kill -9 loses nothing appended; power loss what was appended since `maintain`.

    Memory holds at most about two and a half hours; blocks go when they are older than `retention_seconds`, the oldest
    first also when all of them take more than `retention_bytes` (0: no limit). Samples that come out of order are taken
    when they are at most `out_of_order_ms` older than the newest of all. `limits` bounds the series. Raises StateError
    when the folder is in use or too new.
    """

    def __init__(
        self, path: Path, retention_seconds: float = _RETENTION_SECONDS, retention_bytes: int = 0,
        out_of_order_ms: int = 0, limits: SeriesLimits = _NO_LIMITS,
    ) -> None:  # fmt: skip
        self._owned = OwnedFolder(path, VERSION)
        self._path = path
        self._retention_ms, self._retention_bytes = int(retention_seconds * 1000), retention_bytes
        self._lock = threading.Lock()
        self._maintaining = threading.Lock()
        self._index = LabelIndex()
        self._head = Head()
        self._census = Census(limits)
        self._intake = Intake(self._index, self._head, self._census, self._in_blocks, out_of_order_ms)
        self._appended = self._late_appended = self._out_of_order = self._cuts = self._cut_failures = 0
        self._flush_at = self._collect_at = self._trim_at = 0.0
        try:
            self._open()
        except BaseException:
            self._owned.close()
            raise

    def take_late(self, seconds: float) -> None:
        """Changes `out_of_order_ms`, in seconds."""
        with self._lock:
            self._intake.late_ms = int(seconds * 1000)

    def _open(self) -> None:
        self._shelf = Shelf(self._path / "blocks", self._path / "damaged")
        read_registry(self._path, self._shelf, self._index)
        self._intake.cut_ms = max((b.window_end_ms for b in self._shelf.blocks), default=0)
        self._wal = Wal(self._path / "wal", self._index)
        for segment in segments(self._path / "wal"):
            replay, newest = Replay(segment, self._index), 0
            for batch in replay.batches():
                newest = max(newest, batch.at_ms)
                self._intake.replay(batch)
            self._wal.note(segment, newest, self._head.late.added)
            self._shelf.set_aside += put_aside(replay, self._path / "damaged")
        self._prune_late()

    def _prune_late(self) -> None:
        """Forgets late samples that went into a block before the last end, and still are in the log."""
        late = self._head.late.view()
        if not len(late):
            return
        mask = np.zeros(self._index.size, dtype=bool)
        mask[late.refs] = True
        sections = self._shelf.sections(self._shelf.blocks, mask, int(late.times.min()), int(late.times.max()))
        stored = late.within(sections, self._index.size)
        if stored.any():
            self._head.late.keep(~stored)

    def append(self, *batches: Batch) -> Appended:
        """As Storage: one write to the log for the whole call. Samples that the disk does not take stay in memory, and are counted."""
        logged: list[Logged] = []
        with self._lock:
            late = self._head.late.added
            became = [self._intake.take(batch, logged) for batch in batches if len(batch.values)]
            self._wal.append(logged)
            result = became[0] if len(became) == 1 else total(became)
            self._appended += result.kept
            self._late_appended += self._head.late.added - late
            self._out_of_order += result.refused - result.over_limit
        return result

    def _in_blocks(self, at_ms: int, refs: Refs) -> tuple[Values, NDArray[np.bool_]]:
        """What blocks hold of series at an instant."""
        found, seen = np.zeros(len(refs)), np.zeros(len(refs), dtype=bool)
        mask = np.zeros(self._index.size, dtype=bool)
        mask[refs] = True
        while True:
            with contextlib.suppress(Vanished):
                sections = self._shelf.sections(self._shelf.blocks, mask, at_ms, at_ms)
                break
        for section in sections:
            order = np.argsort(refs)
            rows = order[np.searchsorted(refs, section.refs, sorter=order)]
            here = ~is_absent(np.ascontiguousarray(section.values))[:, 0]
            found[rows[here]], seen[rows[here]] = section.values[here, 0], True
        return found, seen

    def select(self, matchers: Matchers, start_ms: int, end_ms: int) -> Sequence[Series]:
        """As Storage. A damaged block is set aside, and the rest answers."""
        return self._steady(lambda: self._select(matchers, start_ms, end_ms))

    def _steady(self, read: Callable[[], T]) -> T:
        """Reads anew when a block was merged away under our hands, or a series forgotten."""
        while True:
            with contextlib.suppress(Vanished, Forgotten):
                return read()

    def _select(self, matchers: Matchers, start_ms: int, end_ms: int) -> Sequence[Series]:
        refs = self._index.match(matchers)
        return to_samples(self._look(refs, start_ms, end_ms) if len(refs) else [], self._index)

    def _look(self, refs: Refs, start_ms: int, end_ms: int) -> list[Section]:
        views, late, blocks = self._views(start_ms, end_ms)
        mask = np.zeros(self._index.size, dtype=bool)
        mask[refs] = True
        parts = (view.only(mask, start_ms, end_ms) for view in views)
        found = [*self._shelf.sections(blocks, mask, start_ms, end_ms), *(part for part in parts if part is not None)]
        return [*found, *late.only(mask, start_ms, end_ms).sections()] if len(late) else found

    def _views(self, start_ms: int, end_ms: int) -> tuple[list[Section], Loose, tuple[Block, ...]]:
        with self._lock:
            return self._head.views(start_ms, end_ms), self._head.late.view(), self._shelf.blocks

    def series(self, sets: Sequence[Matchers], start_ms: int, end_ms: int) -> list[Labels]:
        """As Storage."""
        if end_ms < start_ms:
            return []
        return self._steady(lambda: self._series(sets, start_ms, end_ms))

    def _series(self, sets: Sequence[Matchers], start_ms: int, end_ms: int) -> list[Labels]:
        refs = np.unique(np.concatenate([self._index.match(m) for m in sets])) if sets else self._index.match(())
        return sorted(self._index.labels(ref) for ref in self._seen(refs, start_ms, end_ms).tolist())

    def _seen(self, refs: Refs, start_ms: int, end_ms: int) -> Refs:
        """Those of `refs` with a sample in the range; whole blocks inside it are not read but for their series."""
        views, late, blocks = self._views(start_ms, end_ms)
        size = self._index.size
        here, wanted = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
        wanted[refs] = True
        for part in self._shelf.refs(blocks, start_ms, end_ms):
            here[part] = True
        for view in views:
            section = view.only(wanted, start_ms, end_ms)
            if section is not None:
                here[section.refs[~is_absent(np.ascontiguousarray(section.values)).all(axis=1)]] = True
        here[late.only(wanted, start_ms, end_ms).refs] = True
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
        now_ms = int(now * 1000)
        with self._maintaining:
            self._wal.sync()
            for window in self._head.windows():
                if (window + 1) * WINDOW_MS + _LINGER_MS <= now_ms and not self._cut(window):
                    break
            self._flush_if_due(now)
            if self._shelf.retire(now_ms - self._retention_ms, self._retention_bytes):
                self._collect_at = 0.0
            self._shelf.merge(self._index.labels, self._index.size, now_ms)
            if now >= self._collect_at:
                self._collect()
                self._collect_at = now + _COLLECT_EVERY
            with self._lock:
                self._census.report(now)
            if now >= self._trim_at:
                trim_memory()
                self._trim_at = now + _TRIM_EVERY

    def _cut(self, window: int) -> bool:
        """Moves one window from memory into a block, then lets go of its log. False when it cannot be written."""
        end_ms = (window + 1) * WINDOW_MS
        with self._lock:
            self._intake.cut_ms = max(self._intake.cut_ms, end_ms)
            sections = self._head.window(window)
        block = self._written(sections, end_ms)
        if block is None:
            return False
        with self._lock:
            self._shelf.take(block)
            self._head.drop(window)
            self._census.recount(self._head.held_series())
        self._wal.drop(end_ms, self._head.late.flushed)
        self._cuts += 1
        self._trim_at = 0.0
        return True

    def _written(self, sections: Sequence[Section], end_ms: int) -> Block | None:
        """The samples as a block that is not yet read."""
        try:
            write_registry(self._path, self._index)
            block = self._shelf.add(untangled(sections, self._index.size), self._index.labels, end_ms)
        except OSError as error:
            self._cut_failures += 1
            LOG.error("metrics.cut_failed", end_ms=end_ms, error=str(error))
            return None
        LOG.info("metrics.block_written", file=block.path.name, bytes=block.size)
        return block

    def _flush_if_due(self, now: float) -> None:
        """Late samples become blocks each two hours, and before they take much memory."""
        if not len(self._head.late):
            self._flush_at = now + WINDOW_MS / 1000
        elif now >= self._flush_at or len(self._head.late) >= _MOST_LATE:
            self._flush_at = now + WINDOW_MS / 1000
            self._flush()

    def _flush(self) -> None:
        """Moves late samples into blocks, one a day. A death in between leaves some in both; they are the same."""
        with self._lock:
            late = self._head.late.view()
        blocks = []
        days = late.times // DAY_MS
        for day in np.unique(days).tolist():
            block = self._written(late.chosen(days == day).sections(), LATE_END)
            if block is None:
                break
            blocks.append(block)
        else:
            with self._lock:
                for block in blocks:
                    self._shelf.take(block)
                self._head.late.drop(len(late))
            return
        for block in blocks:
            block.path.unlink(missing_ok=True)

    def _collect(self) -> None:
        """Forgets the series that have no sample any more, some at a time so that nobody waits long."""
        used = np.zeros(self._index.size, dtype=bool)
        for part in self._shelf.series():
            used[part] = True
        known = self._index.match(())
        unused = known[known < len(used)]
        unused = unused[~used[unused]]
        forgotten = sum(
            self._forget(unused[at : at + _FORGET_AT_ONCE]) for at in range(0, len(unused), _FORGET_AT_ONCE)
        )
        if forgotten:
            write_registry(self._path, self._index)
            LOG.info("metrics.series_forgotten", series=forgotten, left=len(self._index))

    def _forget(self, refs: Refs) -> int:
        """Forgets those that are not in memory either."""
        with self._lock:
            live = np.zeros(self._index.size, dtype=bool)
            for _, held in self._head.held_series():
                live[held] = True
            gone = refs[~live[refs]]
            if len(gone):
                self._intake.forget(gone)
                self._index.forget(gone.tolist())
        return len(gone)

    def fill(self, sections: Sequence[tuple[tuple[Labels, ...], Section]]) -> None:
        """Writes old samples straight into a block. Each section's `refs` are positions in its label sets."""
        with self._maintaining:
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
                cut_failures=self._cut_failures + self._shelf.merge_failures, set_aside=self._shelf.set_aside,
                late_appended=self._late_appended, over_limit=self._census.refused,
                over_limit_targets=dict(self._census.shown), labels=self._index.value_counts(),
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
