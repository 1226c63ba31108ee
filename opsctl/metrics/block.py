"""A block: one immutable file of old samples, a few large chunks and an index at its end.

    OPSBLK1\\n | chunk … | index (zstd JSON) | index offset u64, length u32, crc32 u32 | OPSBLK1\\n

The name says what is in it: `<first ms>-<last ms>-<window end ms>.block`; the window end is 0 for history that was
filled in. Each source has a chunk of series numbers, one of times, and its values in chunks of some rows.
"""

from __future__ import annotations

import os
import re
import struct
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import orjson
import zstandard
from numpy.typing import NDArray

from opsctl.core.errors import StateError
from opsctl.core.folder import write_whole
from opsctl.metrics.codec import decode_times, decode_values, encode_times, encode_values
from opsctl.metrics.index import Refs
from opsctl.metrics.section import Section, Times, Values
from opsctl.model.labels import Labels

T = TypeVar("T")
MAGIC = b"OPSBLK1\n"
_TAIL = struct.Struct("<QII")
_NAME = re.compile(r"^(\d+)-(\d+)-(\d+)\.block$")
_CELLS = 1 << 17


class Damaged(StateError):
    """A block file does not hold what it should."""


class ChunkCache:
    """The chunks read last, at most `limit` bytes of them."""

    def __init__(self, limit: int = 64 << 20) -> None:
        self._limit = limit
        self._size = 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, int], Any] = OrderedDict()

    def get(self, key: tuple[str, int], read: Callable[[], NDArray[Any]]) -> Any:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        chunk = read()
        with self._lock:
            if key not in self._kept:
                self._kept[key] = chunk
                self._size += chunk.nbytes
            while self._size > self._limit and self._kept:
                self._size -= self._kept.popitem(last=False)[1].nbytes
        return chunk


class Block:
    """Reads one block file; its index at first use. Raises Damaged."""

    def __init__(self, path: Path, cache: ChunkCache) -> None:
        match = _NAME.match(path.name)
        if match is None:
            raise Damaged(f"{path} is not named as a block")
        self.path = path
        self.first_ms, self.last_ms, self.window_end_ms = (int(g) for g in match.groups())
        self.size = path.stat().st_size
        self._cache = cache
        self._index: dict[str, Any] | None = None

    def sections(self, mask: NDArray[np.bool_], start_ms: int, end_ms: int) -> list[Section]:
        """The masked series' samples in [start_ms, end_ms]."""
        found = []
        for entry in self._entries():
            if entry["first"] <= end_ms and entry["last"] >= start_ms:
                section = self._section(entry, mask, start_ms, end_ms)
                if section is not None:
                    found.append(section)
        return found

    def refs(self, start_ms: int, end_ms: int) -> list[Refs]:
        """The numbers of the series that may have samples in the range."""
        return [self._refs(e) for e in self._entries() if e["first"] <= end_ms and e["last"] >= start_ms]

    def labels(self) -> list[tuple[int, Labels]]:
        """Its own copy of its series' label sets, for when the common table is lost."""
        rows = orjson.loads(zstandard.decompress(self._bytes(self._load()["labels"])))
        return [(ref, Labels([(k, v) for k, v in pairs])) for ref, pairs in rows]

    def _section(self, entry: Any, mask: NDArray[np.bool_], start_ms: int, end_ms: int) -> Section | None:
        refs = self._refs(entry)
        rows = np.flatnonzero(mask[refs])
        if not len(rows):
            return None
        times: Times = self._chunk(entry["times"], decode_times)
        first, last = np.searchsorted(times, start_ms), np.searchsorted(times, end_ms, side="right")
        if first >= last:
            return None
        parts, row = [], 0
        for count, *place in entry["values"]:
            wanted = rows[(rows >= row) & (rows < row + count)] - row
            if len(wanted):
                values: Values = self._chunk(place, decode_values)
                parts.append(values[wanted, first:last])
            row += count
        return Section(entry["source"], refs[rows], times[first:last], np.concatenate(parts))

    def _refs(self, entry: Any) -> Refs:
        refs: Refs = self._chunk(entry["refs"], lambda b: np.frombuffer(b, np.uint32).astype(np.int64))
        return refs

    def _entries(self) -> list[Any]:
        entries: list[Any] = self._load()["sources"]
        return entries

    def _load(self) -> dict[str, Any]:
        if self._index is None:
            end = self._read(self.size - _TAIL.size - len(MAGIC), _TAIL.size + len(MAGIC))
            if not end.endswith(MAGIC):
                raise Damaged(f"{self.path} has no end")
            place = _TAIL.unpack(end[: _TAIL.size])
            self._index = orjson.loads(zstandard.decompress(self._bytes(place)))
        return self._index

    def _chunk(self, place: Sequence[int], decode: Callable[[bytes], NDArray[Any]]) -> Any:
        return self._cache.get((self.path.name, place[0]), lambda: decode(self._bytes(place)))

    def _bytes(self, place: Sequence[int]) -> bytes:
        offset, length, crc = place
        data = self._read(offset, length)
        if len(data) != length or zlib.crc32(data) != crc:
            raise Damaged(f"{self.path} is damaged at byte {offset}")
        return data

    def _read(self, offset: int, length: int) -> bytes:
        if offset < 0:
            raise Damaged(f"{self.path} is too short")
        try:
            with self.path.open("rb") as file:
                return os.pread(file.fileno(), length, offset)
        except OSError as error:
            raise Damaged(f"{self.path} cannot be read: {error.strerror}") from error


class _Writer:
    def __init__(self) -> None:
        self.parts = [MAGIC]
        self.size = len(MAGIC)

    def add(self, data: bytes) -> list[int]:
        place = [self.size, len(data), zlib.crc32(data)]
        self.parts.append(data)
        self.size += len(data)
        return place


def write_block(
    folder: Path, sections: Sequence[Section], labels: Callable[[int], Labels], window_end_ms: int = 0
) -> Path:
    """Writes sections (each with samples) as one block, whole or not at all. Returns its path."""
    writer = _Writer()
    entries = [_write_section(writer, section) for section in sections]
    every = np.unique(np.concatenate([s.refs for s in sections])).tolist()
    table = orjson.dumps([[ref, labels(ref).pairs] for ref in every])
    index = {"sources": entries, "labels": writer.add(zstandard.compress(table))}
    place = writer.add(zstandard.compress(orjson.dumps(index)))
    writer.parts += [_TAIL.pack(*place), MAGIC]
    first, last = min(e["first"] for e in entries), max(e["last"] for e in entries)
    path = folder / f"{first}-{last}-{window_end_ms}.block"
    write_whole(path, b"".join(writer.parts))
    return path


def _write_section(writer: _Writer, section: Section) -> dict[str, Any]:
    step = max(1, _CELLS // max(1, len(section.times)))
    values = []
    for row in range(0, len(section.refs), step):
        part = section.values[row : row + step]
        values.append([len(part), *writer.add(encode_values(part))])
    return {
        "source": section.source, "first": int(section.times[0]), "last": int(section.times[-1]),
        "refs": writer.add(section.refs.astype(np.uint32).tobytes()),
        "times": writer.add(encode_times(section.times)), "values": values,
    }  # fmt: skip
