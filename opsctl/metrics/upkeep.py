"""Upkeep: what moves from memory into blocks, what is let go of, and what is given back to the machine."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from opsctl.core.log import Log
from opsctl.core.memory import trim_memory
from opsctl.metrics.block import LATE_END, Block
from opsctl.metrics.census import Census
from opsctl.metrics.head import WINDOW_MS, Head
from opsctl.metrics.index import LabelIndex, Refs
from opsctl.metrics.intake import Intake
from opsctl.metrics.loose import untangled
from opsctl.metrics.merging import DAY_MS
from opsctl.metrics.registry import write_registry
from opsctl.metrics.section import Section
from opsctl.metrics.shelf import Shelf
from opsctl.metrics.wal import Wal

LOG = Log("opsctl.metrics")
_LINGER_MS = 20 * 60 * 1000
"""How long after its end a window stays in memory."""
_MOST_LATE = 1 << 18
"""So many late samples in memory are flushed at once."""
_COLLECT_EVERY, _TRIM_EVERY = 3600.0, 10.0
_FORGET_AT_ONCE = 5000


class Upkeep:
    """Keeps a store's memory and folder small; one thread at a time. `lock` guards the head and the change of blocks."""

    def __init__(
        self, folder: Path, parts: tuple[LabelIndex, Head, Shelf, Wal, Intake, Census], lock: threading.Lock,
        retention_ms: int, retention_bytes: int,
    ) -> None:  # fmt: skip
        self._path, self._lock = folder, lock
        self._index, self._head, self._shelf, self._wal, self._intake, self._census = parts
        self._retention_ms, self._retention_bytes = retention_ms, retention_bytes
        self._flush_at = self._collect_at = self._trim_at = 0.0
        self.cuts = self.failures = 0

    def maintain(self, now: float) -> None:
        """As Storage, of which it is all."""
        now_ms = int(now * 1000)
        self._wal.sync()
        for window in self._head.windows():
            if (window + 1) * WINDOW_MS + _LINGER_MS <= now_ms and not self._cut(window):
                break
        self._flush_if_due(now)
        if self._shelf.retire(now_ms - self._retention_ms, self._retention_bytes):
            self._collect_at = 0.0
        self._shelf.merge(self._index.labels, self._index.size, now_ms)
        self._collect_if_due(now)
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
        self.cuts += 1
        self._trim_at = 0.0
        return True

    def _written(self, sections: Sequence[Section], end_ms: int) -> Block | None:
        """The samples as a block that is not yet read."""
        try:
            write_registry(self._path, self._index)
            block = self._shelf.add(untangled(sections, self._index.size), self._index.labels, end_ms)
        except OSError as error:
            self.failures += 1
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
            self.flush()

    def flush(self) -> None:
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

    def _collect_if_due(self, now: float) -> None:
        if now >= self._collect_at:
            self._collect()
            self._collect_at = now + _COLLECT_EVERY

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
            self._index.sweep()
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
