"""A block: one immutable file of old samples, a few large chunks and an index at its end.

    OPSBLK2\\n | chunk … | index (zstd JSON) | index offset u64, length u32, crc32 u32 | OPSBLK2\\n

The name says what is in it: `<first ms>-<last ms>-<window end ms>.block`; the window end is 0 for history that was
filled in and 1 for late samples of one day (neither ends a window), `-merged` says that it takes the place of others,
which its index names, and a number sets two apart. Each source has one chunk of times. The values of a metric, of all
sources, lie row by row in as few chunks as possible: alike, they get small together, and a query reads them at once.
`refs`, `chunk` and `start` say of every row which series it is, in which chunk it lies and where.
"""

from __future__ import annotations

import itertools
import os
import re
import struct
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import orjson
import zstandard
from numpy.typing import NDArray

from opsctl.core.errors import StateError
from opsctl.core.folder import write_whole
from opsctl.metrics.codec import decode_numbers, decode_values, encode_numbers, encode_values
from opsctl.metrics.index import Refs
from opsctl.metrics.remembered import Remembered
from opsctl.metrics.section import Section, Times, Values
from opsctl.metrics.weights import Rows, shares
from opsctl.model.labels import Labels

T = TypeVar("T")
MAGIC = b"OPSBLK2\n"
_TAIL = struct.Struct("<QII")
_NAME = re.compile(r"^(\d+)-(\d+)-(\d+)(-merged)?(-\d+)?\.block$")
_CELLS = 1 << 17
LATE_END = 1
_numbers = itertools.count()
_REMEMBERED_BYTES = 64 << 20
ChunkCache = Remembered[tuple[int, int], NDArray[Any]]


def chunk_cache() -> ChunkCache:
    """For the chunks of many blocks that are read last."""
    return Remembered(_REMEMBERED_BYTES, lambda chunk: chunk.nbytes)


class Damaged(StateError):
    """A block file does not hold what it should."""


class Vanished(Damaged):
    """A block file is not there any more: it was merged or retired meanwhile."""


class Block:
    """Reads one block file; its index at first use. Raises Damaged."""

    def __init__(self, path: Path, cache: ChunkCache) -> None:
        match = _NAME.match(path.name)
        if match is None:
            raise Damaged(f"{path} is not named as a block")
        self.path = path
        self.first_ms, self.last_ms, self.window_end_ms = (int(g) for g in match.groups()[:3])
        self._merged = match[4] is not None
        self.size = path.stat().st_size
        self._cache, self._number = cache, next(_numbers)
        self._index: dict[str, Any] | None = None

    def sections(self, mask: NDArray[np.bool_], start_ms: int, end_ms: int) -> list[Section]:
        """The masked series' samples in [start_ms, end_ms]."""
        refs, chunks, starts = self._rows("refs"), self._rows("chunk"), self._rows("start")
        chosen = np.flatnonzero(mask[refs])
        cuts = np.searchsorted(chosen, self._bounds()).tolist()
        found = []
        for entry, begin, end in zip(self._load()["sources"], cuts, cuts[1:], strict=False):
            if begin < end and entry["first"] <= end_ms and entry["last"] >= start_ms:
                rows = chosen[begin:end]
                section = self._section(entry, refs[rows], chunks[rows], starts[rows], start_ms, end_ms)
                if section is not None:
                    found.append(section)
        return found

    def _bounds(self) -> NDArray[np.int64]:
        """The first row of each source, and the end of the last."""
        return np.cumsum([0, *(entry["rows"] for entry in self._load()["sources"])])

    def refs(self, start_ms: int, end_ms: int) -> list[Refs]:
        """The numbers of the series that may have samples in the range."""
        refs, first_row = self._rows("refs"), 0
        found = []
        for entry in self._load()["sources"]:
            if entry["first"] <= end_ms and entry["last"] >= start_ms:
                found.append(refs[first_row : first_row + entry["rows"]])
            first_row += entry["rows"]
        return found

    def rows(self) -> Rows:
        """What each row weighs. Reads no values."""
        index = self._load()
        widths = [len(self._chunk(entry["times"], decode_numbers)) for entry in index["sources"]]
        cells = np.repeat(np.array(widths, dtype=np.float64), [entry["rows"] for entry in index["sources"]])
        sizes = np.array([size for _, size, _ in index["chunks"]], dtype=np.float64)
        return shares(self._rows("refs"), cells, self._rows("chunk"), sizes, self.size)

    def series(self) -> Refs:
        """The numbers of all its series; nothing is kept in memory."""
        return decode_numbers(self._bytes((self._index or self._parsed())["refs"]))

    def labels(self) -> list[tuple[int, Labels]]:
        """Its own copy of its series' label sets, for when the common table is lost."""
        rows = orjson.loads(zstandard.decompress(self._bytes(self._load()["labels"])))
        return [(ref, Labels([(k, v) for k, v in pairs])) for ref, pairs in rows]

    def replaces(self) -> tuple[str, ...]:
        """The names of the files whose samples it holds, and which are to go."""
        return tuple(self._load()["replaces"]) if self._merged else ()

    def _section(
        self, entry: Any, refs: Refs, chunks: Refs, starts: Refs, start_ms: int, end_ms: int
    ) -> Section | None:  # fmt: skip
        times: Times = self._chunk(entry["times"], decode_numbers)
        first, last = int(times.searchsorted(start_ms)), int(times.searchsorted(end_ms, side="right"))
        if first >= last:
            return None
        return Section(entry["source"], refs, times[first:last], self._values(chunks, starts, first, last))

    def _values(self, chunks: Refs, starts: Refs, first: int, last: int) -> Values:
        """The columns from `first` to `last` of rows, each from its chunk; one row is not copied."""
        number = int(chunks[0])
        whole: Values = self._chunk(self._load()["chunks"][number], decode_values)
        if len(chunks) == 1:
            row: Values = whole[int(starts[0]) + first : int(starts[0]) + last][None, :]
            return row
        columns = np.arange(first, last)
        if (chunks == number).all():
            several: Values = whole[starts[:, None] + columns]
            return several
        values: Values = np.empty((len(chunks), last - first))
        for number in np.unique(chunks).tolist():
            here = np.flatnonzero(chunks == number)
            chunk: Values = self._chunk(self._load()["chunks"][number], decode_values)
            values[here] = chunk[starts[here, None] + columns]
        return values

    def _rows(self, what: str) -> Refs:
        refs: Refs = self._chunk(self._load()[what], decode_numbers)
        return refs

    def _load(self) -> dict[str, Any]:
        if self._index is None:
            self._index = self._parsed()
        return self._index

    def _parsed(self) -> dict[str, Any]:
        end = self._read(self.size - _TAIL.size - len(MAGIC), _TAIL.size + len(MAGIC))
        if not end.endswith(MAGIC):
            raise Damaged(f"{self.path} has no end")
        found: dict[str, Any] = orjson.loads(zstandard.decompress(self._bytes(_TAIL.unpack(end[: _TAIL.size]))))
        return found

    def _chunk(self, place: Sequence[int], decode: Callable[[bytes], NDArray[Any]]) -> Any:
        key = self._number, place[0]
        found = self._cache.get(key)
        if found is None:
            found = decode(self._bytes(place))
            self._cache.put(key, found)
        return found

    def _bytes(self, place: Sequence[int]) -> bytes:
        offset, length, crc = place
        data = self._read(offset, length)
        if len(data) != length or zlib.crc32(data) != crc:
            raise Damaged(f"{self.path} is damaged at byte {offset}")
        return data

    def _read(self, offset: int, length: int) -> bytes:
        if offset < 0 or offset + length > self.size:
            raise Damaged(f"{self.path} is too short")
        try:
            with self.path.open("rb") as file:
                return os.pread(file.fileno(), length, offset)
        except FileNotFoundError as error:
            raise Vanished(f"{self.path} is not there any more") from error
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
    folder: Path, sections: Sequence[Section], labels: Callable[[int], Labels], window_end_ms: int = 0,
    replaces: Sequence[str] = (),
) -> Path:  # fmt: skip
    """Writes sections (each with samples) as one block, whole or not at all. Returns its path.

    `replaces` names the files that it takes the place of: a store that opens with both lets go of them.
    """
    writer = _Writer()
    sources: list[dict[str, Any]] = [
        {
            "source": s.source, "first": int(s.times[0]), "last": int(s.times[-1]), "rows": len(s.refs),
            "times": writer.add(encode_numbers(s.times)),
        }
        for s in sections
    ]  # fmt: skip
    refs = np.concatenate([s.refs for s in sections])
    every = np.unique(refs).tolist()
    table = orjson.dumps([[ref, labels(ref).pairs] for ref in every])
    index = {
        "sources": sources, **_write_values(writer, sections, labels), "refs": writer.add(encode_numbers(refs)),
        "labels": writer.add(zstandard.compress(table)), "replaces": list(replaces),
    }  # fmt: skip
    place = writer.add(zstandard.compress(orjson.dumps(index)))
    writer.parts += [_TAIL.pack(*place), MAGIC]
    first, last = min(e["first"] for e in sources), max(e["last"] for e in sources)
    name = f"{first}-{last}-{window_end_ms}{'-merged' if replaces else ''}"
    path = _free(folder, name, for_ever=bool(replaces) or window_end_ms == LATE_END)
    write_whole(path, b"".join(writer.parts))
    return path


def _free(folder: Path, name: str, for_ever: bool) -> Path:
    """A name that no file has; `for_ever`: nor had, as it may stand among those that a merged block replaces."""
    if for_ever:
        return folder / f"{name}-{time.time_ns()}.block"
    return next(p for n in itertools.count() if not (p := folder / f"{name}{f'-{n}' if n else ''}.block").exists())


def _write_values(writer: _Writer, sections: Sequence[Section], labels: Callable[[int], Labels]) -> dict[str, Any]:
    """The values by metric, and of every row its chunk and its place there."""
    rows = [(s, row, labels(ref).name) for s in sections for row, ref in enumerate(s.refs.tolist())]
    chunk, start = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=np.int64)
    chunks: list[list[int]] = []
    pending: list[Values] = []
    held, name = 0, ""
    for number in sorted(range(len(rows)), key=lambda n: rows[n][2]):
        section, row, metric = rows[number]
        if pending and (metric != name or held + len(section.times) > _CELLS):
            chunks.append(writer.add(encode_values(np.concatenate(pending))))
            pending, held = [], 0
        chunk[number], start[number], name = len(chunks), held, metric
        pending.append(section.values[row])
        held += len(section.times)
    chunks.append(writer.add(encode_values(np.concatenate(pending))))
    return {"chunks": chunks, "chunk": writer.add(encode_numbers(chunk)), "start": writer.add(encode_numbers(start))}
