"""The write-ahead log: every batch is in a file before it is in memory.

A segment is `wal/<number>`, one or more a window; a record is length u32, crc32 u32, payload. Payloads: `S` label sets (JSON), numbered
within the segment from 0; `L` a layout: source and series numbers; `B` a batch: layout, time, values. A segment
needs no other, so that any of them can be deleted, and a torn or damaged tail costs nothing before it.
"""

from __future__ import annotations

import contextlib
import os
import struct
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import orjson

from opsctl.metrics.head import WINDOW_MS
from opsctl.metrics.index import LabelIndex, Refs
from opsctl.metrics.section import Values
from opsctl.model.labels import Labels

_RECORD = struct.Struct("<II")
_LAYOUT = struct.Struct("<cIH")
_BATCH = struct.Struct("<cIq")
_LONGEST = 256 << 20


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
        self._dirty = False
        self.failures = 0

    def note(self, path: Path, newest_ms: int) -> None:
        """Takes over a segment that was read at start, with its newest time."""
        self._closed[path] = newest_ms

    def append(self, source: str, at_ms: int, refs: Refs, values: Values) -> bool:
        """Writes one batch; False when the disk does not take it (the torn record is cut off again)."""
        if self._segment is not None and at_ms // WINDOW_MS > self._segment.window:
            self.rotate()
        try:
            segment = self._segment or self._open(at_ms // WINDOW_MS)
        except OSError:
            self.failures += 1
            return False
        records = self._records(segment, source, at_ms, refs, values)
        try:
            _write_all(segment.handle, records)
        except OSError:
            self._abandon(segment)
            return False
        segment.size += len(records)
        segment.newest_ms = max(segment.newest_ms, at_ms)
        self._dirty = True
        return True

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

    def drop(self, before_ms: int) -> None:
        """Deletes the ended segments whose samples are all before `before_ms`."""
        for path, newest in list(self._closed.items()):
            if newest < before_ms:
                path.unlink(missing_ok=True)
                del self._closed[path]

    def size(self) -> int:
        closed = sum(p.stat().st_size for p in self._closed if p.exists())
        return closed + (self._segment.size if self._segment else 0)

    def _open(self, window: int) -> _Segment:
        last = max((int(p.name) for p in segments(self._folder)), default=0)
        path = self._folder / f"{last + 1:08d}"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._segment = _Segment(path, handle, window)
        return self._segment

    def _abandon(self, segment: _Segment) -> None:
        """After a failed write a reader's tables are unsure: cut the record off and begin a new segment."""
        self.failures += 1
        with contextlib.suppress(OSError):
            os.ftruncate(segment.handle, segment.size)
        self.rotate()

    def _records(self, segment: _Segment, source: str, at_ms: int, refs: Refs, values: Values) -> bytes:
        known = segment.layouts.get(source)
        parts: list[bytes] = []
        if known is None or (known[1] is not refs and not np.array_equal(known[1], refs)):
            known = self._layout(segment, source, refs, parts)
        parts.append(_record(_BATCH.pack(b"B", known[0], at_ms) + values.tobytes()))
        return b"".join(parts)

    def _layout(self, segment: _Segment, source: str, refs: Refs, parts: list[bytes]) -> tuple[int, Refs]:
        new = [ref for ref in refs.tolist() if ref not in segment.series]
        if new:
            parts.append(_record(b"S" + orjson.dumps([self._index.labels(ref).pairs for ref in new])))
            for ref in new:
                segment.series[ref] = len(segment.series)
        numbers = np.fromiter((segment.series[ref] for ref in refs.tolist()), np.uint32, len(refs))
        name = source.encode()
        known = (segment.next_layout, refs)
        segment.next_layout += 1
        segment.layouts[source] = known
        parts.append(_record(_LAYOUT.pack(b"L", known[0], len(name)) + name + numbers.tobytes()))
        return known


def segments(folder: Path) -> list[Path]:
    """The segment files, oldest first."""
    return sorted(p for p in folder.glob("*") if p.name.isdigit())


@dataclass(frozen=True, eq=False, slots=True)
class Logged:
    """A batch as it was logged."""

    source: str
    at_ms: int
    refs: Refs
    values: Values


@dataclass
class Replay:
    """Reads one segment. Afterwards `whole` is how many bytes were good, of `size`."""

    path: Path
    index: LabelIndex
    whole: int = 0
    size: int = 0

    def batches(self) -> Iterator[Logged]:
        """Its batches in order, up to the first record that is torn or damaged."""
        data = self.path.read_bytes()
        self.size = len(data)
        series: list[int] = []
        layouts: dict[int, tuple[str, Refs]] = {}
        for payload, end in _payloads(data):
            kind = payload[:1]
            try:
                if kind == b"B":
                    _, number, at_ms = _BATCH.unpack_from(payload)
                    source, refs = layouts[number]
                    values = np.frombuffer(payload, np.float64, len(refs), _BATCH.size)
                    yield Logged(source, at_ms, refs, values)
                elif kind == b"S":
                    series += [self.index.intern(Labels([(k, v) for k, v in p])) for p in orjson.loads(payload[1:])]
                else:
                    _, number, length = _LAYOUT.unpack_from(payload)
                    name = bytes(payload[_LAYOUT.size : _LAYOUT.size + length]).decode()
                    numbers = np.frombuffer(payload, np.uint32, -1, _LAYOUT.size + length)
                    layouts[number] = (name, np.array(series, dtype=np.int64)[numbers])
            except (struct.error, KeyError, IndexError, ValueError):
                return
            self.whole = end


def _payloads(data: bytes) -> Iterator[tuple[bytes, int]]:
    at = 0
    while at + _RECORD.size <= len(data):
        length, crc = _RECORD.unpack_from(data, at)
        start, end = at + _RECORD.size, at + _RECORD.size + length
        if length == 0 or length > _LONGEST or end > len(data):
            return
        payload = data[start:end]
        if zlib.crc32(payload) != crc:
            return
        yield payload, end
        at = end


def _record(payload: bytes) -> bytes:
    return _RECORD.pack(len(payload), zlib.crc32(payload)) + payload


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
