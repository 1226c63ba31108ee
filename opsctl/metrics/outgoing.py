"""The outgoing buffer of one remote: what is to be written there, in files, in the order in which it came.

A segment is `<number>`, a record: length u32, crc32 u32, newest ms i64, samples u32, then the request (snappy). The
file `cursor` says up to where the remote has everything, and which part is on its way: after kill -9 exactly that
part is sent again, so that a receiver that has it already sees the very same request.
"""

from __future__ import annotations

import os
import struct
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import orjson

from opsctl.core.folder import write_whole
from opsctl.core.log import Log
from opsctl.metrics.remote_protocol import packed, unpacked

LOG = Log("opsctl.metrics")
_HEAD = struct.Struct("<IIqI")
_SEGMENT = 16 << 20
_LONGEST = 256 << 20
Place = tuple[int, int]
"""Segment and byte."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A part of the buffer: one request, not yet compressed. `again` when it may have been sent before."""

    start: Place
    end: Place
    request: bytes
    samples: int
    newest_ms: int
    again: bool = False
    expired: int = 0
    """Samples of this part that are too old to be sent, and not in the request."""


@dataclass(frozen=True, slots=True)
class _Record:
    start: Place
    end: Place
    newest_ms: int
    samples: int
    body: bytes


class Outgoing:
    """Appends requests and gives them back oldest first. `put` survives the process' death, `sync` the machine's.

    Over `most_bytes` the oldest segment goes, and its samples are counted in `lost`, as are those that the disk does not take.
    """

    def __init__(self, folder: Path, most_bytes: int = 2 << 30) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder, self._most = folder, most_bytes
        self._lock = threading.Lock()
        self._handle = -1
        self._dirty = False
        self.waiting = self.lost = self.newest_ms = 0
        self._read_cursor()
        self._sizes = {number: self._cut_tail(number) for number in self._numbers()}
        self._end: Place = (max([*self._sizes, self._at[0]]) + 1, 0)
        for record in self._records(self._at):
            self.waiting += record.samples
            self.newest_ms = max(self.newest_ms, record.newest_ms)

    def _read_cursor(self) -> None:
        self._at: Place = (0, 0)
        self._until: Place = (0, 0)
        try:
            cursor = orjson.loads((self._folder / "cursor").read_bytes())
            self._at, self._until = (cursor["at"][0], cursor["at"][1]), (cursor["until"][0], cursor["until"][1])
        except FileNotFoundError:
            pass
        except (ValueError, KeyError, TypeError, IndexError) as error:
            LOG.error("remote_write.cursor_unreadable", folder=str(self._folder), error=str(error))
        self._again = self._until > self._at

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(self._sizes.values())

    def put(self, request: bytes, samples: int, newest_ms: int) -> bool:
        """Takes one request; False when the disk does not."""
        body = packed(request)
        head = _HEAD.pack(len(body), _crc(newest_ms, samples, body), newest_ms, samples)
        with self._lock:
            if not self._write(head + body):
                self.lost += samples
                return False
            self._dirty = True
            self.waiting += samples
            self.newest_ms = max(self.newest_ms, newest_ms)
        return True

    def _write(self, record: bytes) -> bool:
        try:
            self._make_room()
            segment, size = self._end
            try:
                _write_all(self._handle, record)
            except OSError:
                os.ftruncate(self._handle, size)
                raise
        except OSError as error:
            LOG.error("remote_write.disk_failed", folder=str(self._folder), error=str(error))
            return False
        self._end = (segment, size + len(record))
        self._sizes[segment] = self._end[1]
        return True

    def _make_room(self) -> None:
        if self._handle < 0 or self._end[1] >= _SEGMENT:
            self._rotate()
            number = self._end[0] + (1 if self._end[1] else 0)
            path = self._folder / f"{number:08d}"
            self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self._end = (number, 0)
            self._sizes[number] = 0
        while self.size > self._most and len(self._sizes) > 1:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        number = min(self._sizes)
        lost = sum(r.samples for r in self._records(self._at) if r.start[0] == number)
        self.waiting -= lost
        self.lost += lost
        self._at = self._until = max(self._at, (number + 1, 0))
        self._again = False
        self._remove(number)
        LOG.error("remote_write.overflow", folder=str(self._folder), samples=lost)

    def take(self, most_samples: int, oldest_ms: int = 0) -> Parcel | None:
        """The oldest part with at most `most_samples` (one record at least), or what was on its way; None if empty.

        Records from before `oldest_ms` are in the part, but not in its request.
        """
        with self._lock:
            again, until = self._again, self._until
            chosen: list[_Record] = []
            count = 0
            for record in self._records(self._at):
                over = record.start >= until if again else count + record.samples > most_samples
                if chosen and over:
                    break
                chosen.append(record)
                count += record.samples
        if not chosen:
            return None
        young = [r for r in chosen if r.newest_ms >= oldest_ms]
        request = b"".join(unpacked(r.body, _LONGEST) for r in young)
        samples = sum(r.samples for r in young)
        newest = max(r.newest_ms for r in chosen)
        return Parcel(chosen[0].start, chosen[-1].end, request, samples, newest, again, count - samples)

    def begin(self, parcel: Parcel) -> None:
        """Notes that a parcel is on its way."""
        with self._lock:
            self._at, self._until, self._again = parcel.start, parcel.end, True
            self._save()

    def done(self, parcel: Parcel) -> None:
        """Lets a parcel go: the remote has it, or will never take it. `begin` or `sync` makes that durable."""
        with self._lock:
            if parcel.end <= self._at:
                return
            self._at = self._until = parcel.end
            self._again = False
            self.waiting -= parcel.samples + parcel.expired
            if parcel.end == self._end or not self.waiting:
                self._save()
            for number in [n for n in self._sizes if n < parcel.end[0]]:
                self._remove(number)

    def sync(self) -> None:
        """Makes durable what was put."""
        with self._lock:
            if self._handle < 0 or not self._dirty:
                return
            self._dirty = False
            handle = os.dup(self._handle)
        try:
            os.fdatasync(handle)
        finally:
            os.close(handle)

    def close(self) -> None:
        self.sync()
        with self._lock:
            self._save()
            self._rotate()

    def _rotate(self) -> None:
        if self._handle >= 0:
            os.fdatasync(self._handle)
            os.close(self._handle)
            self._handle = -1

    def _save(self) -> None:
        write_whole(self._folder / "cursor", orjson.dumps({"at": self._at, "until": self._until}))

    def _remove(self, number: int) -> None:
        del self._sizes[number]
        (self._folder / f"{number:08d}").unlink(missing_ok=True)

    def _numbers(self) -> list[int]:
        return sorted(int(p.name) for p in self._folder.iterdir() if p.name.isdigit())

    def _records(self, start: Place) -> Iterator[_Record]:
        for number in sorted(n for n in self._sizes if n >= start[0]):
            yield from self._of_segment(number, start[1] if number == start[0] else 0)

    def _of_segment(self, number: int, at: int) -> Iterator[_Record]:
        """Its records; nothing after the first that is torn or damaged."""
        try:
            with (self._folder / f"{number:08d}").open("rb") as file:
                file.seek(at)
                while (record := _read(file, number, at)) is not None:
                    yield record
                    at = record.end[1]
        except OSError as error:
            LOG.error("remote_write.segment_unreadable", segment=number, error=str(error))

    def _cut_tail(self, number: int) -> int:
        """The bytes of a segment that are whole; the rest, torn by a kill, goes."""
        path, whole = self._folder / f"{number:08d}", 0
        for record in self._of_segment(number, 0):
            whole = record.end[1]
        size = path.stat().st_size
        if whole < size:
            LOG.warning("remote_write.tail_cut", segment=str(path), lost_bytes=size - whole)
            os.truncate(path, whole)
        return whole


def _read(file: BinaryIO, number: int, at: int) -> _Record | None:
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    length, crc, newest_ms, samples = _HEAD.unpack(head)
    body = file.read(length) if 0 < length <= _LONGEST else b""
    if len(body) != length or _crc(newest_ms, samples, body) != crc:
        return None
    return _Record((number, at), (number, at + _HEAD.size + length), newest_ms, samples, body)


def _crc(newest_ms: int, samples: int, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(struct.pack("<qI", newest_ms, samples)))


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
