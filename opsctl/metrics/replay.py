"""Reads a segment of the write-ahead log back; what is damaged is stepped over, and never guessed at."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from sys import intern

import numpy as np
import orjson

from opsctl.core.log import Log
from opsctl.metrics.index import LabelIndex, Refs
from opsctl.metrics.wal import BATCH, LAYOUT, RECORD, SERIES, Logged
from opsctl.model.labels import Labels

LOG = Log("opsctl.metrics")
_LONGEST = 256 << 20
_KINDS = re.compile(rb"[BOLNS]")


@dataclass
class Replay:
    """Reads one segment. Afterwards `damage` has the places, from and to, of what could not be read.

    Records behind a damaged one are used as far as they do not depend on it: label sets and layouts carry numbers.
    """

    path: Path
    index: LabelIndex
    size: int = 0
    damage: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._series: dict[int, int] = {}
        self._layouts: dict[int, tuple[str, Refs]] = {}

    def batches(self) -> Iterator[Logged]:
        """Its good batches, in order."""
        data = self.path.read_bytes()
        self.size, at = len(data), 0
        while at < len(data):
            payload, end = _payload(data, at)
            if payload is None:
                end = _next(data, at + 1)
                self.damage.append((at, end))
            else:
                batch = self._understood(payload, at, end)
                if batch is not None:
                    yield batch
            at = end

    def _understood(self, payload: bytes, at: int, end: int) -> Logged | None:
        try:
            return self._take(payload)
        except (struct.error, KeyError, IndexError, TypeError, ValueError):
            self.damage.append((at, end))
            return None

    def _take(self, payload: bytes) -> Logged | None:
        kind = payload[:1]
        if kind in b"BO":
            _, number, at_ms = BATCH.unpack_from(payload)
            source, refs = self._layouts[number]
            if len(payload) != BATCH.size + 8 * len(refs):
                raise ValueError("not as long as its layout")
            return Logged(source, at_ms, refs, np.frombuffer(payload, np.float64, -1, BATCH.size), int(kind == b"O"))
        if kind == b"L":
            self._take_layout(payload)
        elif kind == b"N":
            self._take_series(SERIES.unpack_from(payload)[1], payload[SERIES.size :])
        elif kind == b"S" and not self.damage:
            self._take_series(len(self._series), payload[1:])
        else:
            raise ValueError("depends on what is damaged, or is of an unknown kind")
        return None

    def _take_series(self, first: int, sets: bytes) -> None:
        for number, pairs in enumerate(orjson.loads(sets), first):
            self._series[number] = self.index.intern(Labels([(intern(k), intern(v)) for k, v in pairs]))

    def _take_layout(self, payload: bytes) -> None:
        _, number, length = LAYOUT.unpack_from(payload)
        name = payload[LAYOUT.size : LAYOUT.size + length].decode()
        numbers = np.frombuffer(payload, np.uint32, -1, LAYOUT.size + length)
        self._layouts.pop(number, None)
        refs = np.fromiter((self._series[n] for n in numbers.tolist()), np.int64, len(numbers))
        self._layouts[number] = (name, refs)


def put_aside(replay: Replay, folder: Path) -> int:
    """Copies what could not be read into `folder` for whoever wants to look, and cuts it off where it is the end.

    Returns how many new damages there are; a torn end is none, as every kill -9 may leave one.
    """
    if not replay.damage:
        return 0
    data, path = replay.path.read_bytes(), replay.path
    folder.mkdir(exist_ok=True)
    found = 0
    for begin, end in replay.damage:
        aside = folder / f"wal-{path.name}-{begin}"
        torn = end == replay.size
        if not aside.exists():
            event = "metrics.wal_tail_cut" if torn else "metrics.wal_damaged"
            LOG.warning(event, segment=str(path), at=begin, lost_bytes=end - begin, copy=str(aside))
            aside.write_bytes(data[begin:end])
            found += not torn
    begin, end = replay.damage[-1]
    if end == replay.size:
        with path.open("r+b") as file:
            file.truncate(begin)
    return found


def _payload(data: bytes, at: int) -> tuple[bytes | None, int]:
    if at + RECORD.size > len(data):
        return None, len(data)
    length, crc = RECORD.unpack_from(data, at)
    start, end = at + RECORD.size, at + RECORD.size + length
    if length == 0 or length > _LONGEST or end > len(data):
        return None, len(data)
    payload = data[start:end]
    return (payload, end) if zlib.crc32(payload) == crc else (None, len(data))


def _next(data: bytes, at: int) -> int:
    """Where the next good record begins; the end when there is none."""
    for match in _KINDS.finditer(data, at + RECORD.size):
        begin = match.start() - RECORD.size
        if _payload(data, begin)[0] is not None:
            return begin
    return len(data)
