"""The embedded store: head in memory, write-ahead log before it, immutable blocks behind it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from opsctl.core.folder import OwnedFolder
from opsctl.metrics.census import Census, SeriesLimits
from opsctl.metrics.head import Head
from opsctl.metrics.index import LabelIndex
from opsctl.metrics.intake import Intake
from opsctl.metrics.reading import Reader
from opsctl.metrics.registry import read_registry, write_registry
from opsctl.metrics.replay import Replay, put_aside
from opsctl.metrics.section import Section
from opsctl.metrics.shelf import Shelf
from opsctl.metrics.storage import Appended, Matchers, StoreStatus, total
from opsctl.metrics.upkeep import Upkeep
from opsctl.metrics.wal import Logged, Wal, segments
from opsctl.metrics.weights import Weighed
from opsctl.model.batch import Batch
from opsctl.model.labels import METRIC_NAME, Labels
from opsctl.model.series import Series

VERSION = 2
"""2: logs number their label sets and tell late batches. What 1 wrote is read as it is."""
_RETENTION_SECONDS = 90 * 86_400.0
_NO_LIMITS = SeriesLimits()


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
        self._owned = OwnedFolder(path, VERSION, {1: lambda folder: None})
        self._path = path
        self._lock = threading.Lock()
        self._maintaining = threading.Lock()
        self._index, self._head, self._census = LabelIndex(), Head(), Census(limits)
        self._appended = self._late_appended = self._out_of_order = 0
        try:
            self._shelf = Shelf(path / "blocks", path / "damaged")
            self._reader = Reader(self._index, self._head, self._shelf, self._lock)
            self._intake = Intake(self._index, self._head, self._census, self._reader.stored, out_of_order_ms)
            self._wal = Wal(path / "wal", self._index)
            self._open()
        except BaseException:
            self._owned.close()
            raise
        parts = self._index, self._head, self._shelf, self._wal, self._intake, self._census
        self._upkeep = Upkeep(path, parts, self._lock, int(retention_seconds * 1000), retention_bytes)

    def take_late(self, seconds: float) -> None:
        """Changes `out_of_order_ms`, in seconds."""
        with self._lock:
            self._intake.late_ms = int(seconds * 1000)

    def _open(self) -> None:
        read_registry(self._path, self._shelf, self._index)
        self._intake.cut_ms = max((b.window_end_ms for b in self._shelf.blocks), default=0)
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

    def select(self, matchers: Matchers, start_ms: int, end_ms: int) -> Sequence[Series]:
        """As Storage. A damaged block is set aside, and the rest answers."""
        return self._reader.select(matchers, start_ms, end_ms)

    def series(self, sets: Sequence[Matchers], start_ms: int, end_ms: int) -> list[Labels]:
        """As Storage."""
        return self._reader.series(sets, start_ms, end_ms) if end_ms >= start_ms else []

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
            self._upkeep.maintain(now)

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
                wal_bytes=self._wal.size(), wal_failures=self._wal.failures, cuts=self._upkeep.cuts,
                cut_failures=self._upkeep.failures + self._shelf.merge_failures, set_aside=self._shelf.set_aside,
                late_appended=self._late_appended, over_limit=self._census.refused,
                over_limit_targets=dict(self._census.shown), labels=self._index.value_counts(),
            )  # fmt: skip

    def metric_counts(self) -> dict[str, int]:
        """How many series each metric name has."""
        counts: dict[str, int] = {}
        for _, labels in self._index.all():
            counts[labels.get(METRIC_NAME, "")] = counts.get(labels.get(METRIC_NAME, ""), 0) + 1
        return counts

    def weighed(self) -> list[Weighed]:
        """Every series that has samples, with what it weighs."""
        return self._reader.weighed()

    def close(self) -> None:
        """As Storage."""
        with self._maintaining, self._lock:
            self._wal.rotate()
        self._owned.close()
