"""The write-ahead log: every batch is in a file before it is acknowledged.

A segment is `wal/<number>`, one or more a window; a record is length u32, crc32 u32, payload. Payloads: `N` label sets
(number of the first, JSON), numbered within the segment from 0 (`S` in older logs: without the number); `L` a layout:
source and series numbers; `B` a batch: layout, time, values; `O` the same, of samples that came late. A segment needs
no other, so that any of them can be deleted. A torn tail costs nothing before it (`replay`).
"""

from __future__ import annotations

import contextlib
import os
import struct
import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import orjson

from opsctl.metrics.head import WINDOW_MS
from opsctl.metrics.index import LabelIndex, Refs
from opsctl.metrics.section import Values

RECORD = struct.Struct("<II")
SERIES = struct.Struct("<cI")
LAYOUT = struct.Struct("<cIH")
BATCH = struct.Struct("<cIq")


@dataclass(frozen=True, eq=False, slots=True)
class Logged:
    """A batch as it is logged. `late`: how many late samples there have been by then when these are some, else 0."""

    source: str
    at_ms: int
    refs: Refs
    values: Values
    late: int = 0


@dataclass
class _Segment:
    """The segment being written, and what its readers will know by then."""

    path: Path
    handle: int
    window: int
    size: int = 0
    newest_ms: int = 0
    series: dict[int, int] = field(default_factory=dict)
    layouts: dict[str, tuple[int, Refs]] = field(default_factory=dict)
    next_layout: int = 0


class Wal:
    """Appends batches. `append` survives the process' death, `sync` the machine's. One writer, one syncing thread."""

    def __init__(self, folder: Path, index: LabelIndex) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._index = index
        self._lock = threading.Lock()
        self._segment: _Segment | None = None
        self._closed: dict[Path, int] = {}
        self._late: dict[Path, int] = {}
        self._dirty = False
        self.failures = 0

    def note(self, path: Path, newest_ms: int, late: int) -> None:
        """Takes over a segment that was read at start, with its newest time and how many late samples there are by its end."""
        self._closed[path], self._late[path] = newest_ms, late

    def append(self, batches: Sequence[Logged]) -> None:
        """Writes the batches of one call, at once as long as no segment ends among them.

        What the disk does not take is counted in `failures`; a torn record is cut off again.
        """
        pending: list[bytes] = []
        for batch in batches:
            window = batch.at_ms // WINDOW_MS
            if self._segment is None or window > self._segment.window:
                self._write(pending)
                self._begin(window)
            if self._segment is None:
                return
            pending += self._records(self._segment, batch)
        self._write(pending)

    def _begin(self, window: int) -> None:
        self.rotate()
        try:
            self._segment = self._open(window)
        except OSError:
            self.failures += 1

    def _write(self, pending: list[bytes]) -> None:
        """Writes records of the current segment, and empties the list."""
        segment, records = self._segment, b"".join(pending)
        pending.clear()
        if segment is None or not records:
            return
        try:
            _write_all(segment.handle, records)
        except OSError:
            self._abandon(segment)
            return
        segment.size += len(records)
        self._dirty = True

    def sync(self) -> None:
        """Makes everything appended before the call durable."""
        with self._lock:
            if self._segment is None or not self._dirty:
                return
            self._dirty = False
            handle = os.dup(self._segment.handle)
        try:
            os.fdatasync(handle)
        finally:
            os.close(handle)

    def rotate(self) -> None:
        """Ends the current segment; the next batch begins another."""
        with self._lock:
            segment, self._segment = self._segment, None
            if segment is not None:
                with contextlib.suppress(OSError):
                    os.fdatasync(segment.handle)
                os.close(segment.handle)
                self._closed[segment.path] = segment.newest_ms

    def drop(self, before_ms: int, flushed: int) -> None:
        """Deletes the ended segments whose samples are all before `before_ms`, and late ones among the first `flushed`."""
        for path, newest in list(self._closed.items()):
            if newest < before_ms and self._late.get(path, 0) <= flushed:
                path.unlink(missing_ok=True)
                del self._closed[path]
                self._late.pop(path, None)

    def size(self) -> int:
        closed = sum(p.stat().st_size for p in self._closed if p.exists())
        return closed + (self._segment.size if self._segment else 0)

    def _open(self, window: int) -> _Segment:
        last = max((int(p.name) for p in segments(self._folder)), default=0)
        path = self._folder / f"{last + 1:08d}"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        return _Segment(path, handle, window)

    def _abandon(self, segment: _Segment) -> None:
        """After a failed write a reader's tables are unsure: cut the record off and begin a new segment."""
        self.failures += 1
        with contextlib.suppress(OSError):
            os.ftruncate(segment.handle, segment.size)
        self.rotate()

    def _records(self, segment: _Segment, batch: Logged) -> list[bytes]:
        known = segment.layouts.get(batch.source)
        parts: list[bytes] = []
        if known is None or (known[1] is not batch.refs and not np.array_equal(known[1], batch.refs)):
            known, parts = self._layout(segment, batch.source, batch.refs)
        segment.newest_ms = max(segment.newest_ms, batch.at_ms)
        if batch.late:
            self._late[segment.path] = batch.late
        head = BATCH.pack(b"O" if batch.late else b"B", known[0], batch.at_ms)
        return [*parts, record(head + batch.values.tobytes())]

    def _layout(self, segment: _Segment, source: str, refs: Refs) -> tuple[tuple[int, Refs], list[bytes]]:
        parts = []
        new = [ref for ref in dict.fromkeys(refs.tolist()) if ref not in segment.series]
        if new:
            sets = orjson.dumps([self._index.labels(ref).pairs for ref in new])
            parts.append(record(SERIES.pack(b"N", len(segment.series)) + sets))
            for ref in new:
                segment.series[ref] = len(segment.series)
        numbers = np.fromiter((segment.series[ref] for ref in refs.tolist()), np.uint32, len(refs))
        name = source.encode()
        known = (segment.next_layout, refs)
        segment.next_layout += 1
        segment.layouts[source] = known
        parts.append(record(LAYOUT.pack(b"L", known[0], len(name)) + name + numbers.tobytes()))
        return known, parts


def segments(folder: Path) -> list[Path]:
    """The segment files, oldest first."""
    return sorted(p for p in folder.glob("*") if p.name.isdigit())


def record(payload: bytes) -> bytes:
    return RECORD.pack(len(payload), zlib.crc32(payload)) + payload


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
