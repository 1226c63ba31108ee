"""Recognises log files by what is in them, so that rotation, truncation and copying lose and double nothing.

A position belongs to content: the hash of the first line, and of the last bytes before the offset. A renamed
file keeps its position; a new file under the old name, or one truncated in place, gets a new one; a copy
(`copytruncate`) takes the position over when the original has been cut.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

_HEAD = 4096
_TAIL = 256
_ROTATED = re.compile(r"\.\d[\d\-_T.:]*$")


@dataclass(frozen=True)
class Position:
    """How far a file was read. `key` names its content for ever; `last_at` is the time of the last line read."""

    key: str
    path: str
    inode: int
    head: str
    offset: int
    tail: str
    last_at: float
    seen: float


@dataclass(frozen=True)
class Found:
    """A file that is there now. `live` is false for a rotated one."""

    path: str
    inode: int
    size: int
    modified: float
    head: str
    live: bool


def look(patterns: Iterable[str]) -> list[Found]:
    """The files of these globs and their rotated siblings (`.1`, `.2026-11-22`; not compressed), oldest first.

    A file without a whole first line is not there yet.
    """
    names: dict[str, bool] = {}
    for pattern in patterns:
        for path in glob.glob(pattern):
            names[path] = True
            for rotated in glob.glob(glob.escape(path) + ".*"):
                if _ROTATED.search(rotated[len(path) :]):
                    names.setdefault(rotated, False)
        folder = Path(pattern).parent
        for rotated in glob.glob(pattern + ".*") if not glob.has_magic(str(folder)) else ():
            if _ROTATED.search(rotated):
                names.setdefault(rotated, False)
    found = [f for f in (_look(path, live) for path, live in names.items()) if f is not None]
    return sorted(found, key=lambda f: (f.modified, f.path))


def claim(
    files: Sequence[Found], positions: Sequence[Position], now: float, new_key: Callable[[], str]
) -> list[tuple[Found, Position]]:
    """Each file with its position, a new one at 0 where the content is new. A copy of a file that is itself
    being read is left out."""
    free = list(positions)
    claimed: list[tuple[Found, Position]] = []
    rest: list[Found] = []
    for file in files:  # the same inode first: the original goes before its copy
        own = _best([p for p in free if p.inode == file.inode], file)
        _take(file, own, free, claimed, now) if own else rest.append(file)
    for file in rest:
        own = _best(free, file)
        if own:
            _take(file, own, free, claimed, now)
        elif not _copied(file, claimed, free):
            claimed.append((file, Position(new_key(), file.path, file.inode, file.head, 0, _digest(b""), now, now)))
    return claimed


def read(path: str, offset: int, most: int) -> bytes:
    """Whole lines from `offset`, at most about `most` bytes; a line longer than that is given in parts."""
    with open(path, "rb") as file:
        file.seek(offset)
        content = file.read(most)
    end = content.rfind(b"\n") + 1
    return content[:end] if end or len(content) < most else content


def advance(position: Position, consumed: bytes, last_at: float) -> Position:
    """The position after these bytes were stored."""
    offset = position.offset + len(consumed)
    tail = consumed[-_TAIL:]
    if len(tail) < min(_TAIL, offset):
        tail = _bytes_before(position.path, offset)
    return replace(position, offset=offset, tail=_digest(tail), last_at=last_at)


def _take(file: Found, own: Position, free: list[Position], claimed: list[tuple[Found, Position]], now: float) -> None:
    free.remove(own)
    claimed.append((file, replace(own, path=file.path, inode=file.inode, seen=now)))


def _best(candidates: Sequence[Position], file: Found) -> Position | None:
    fitting = [p for p in candidates if p.head == file.head and p.offset <= file.size]
    fitting = [p for p in fitting if _digest(_bytes_before(file.path, p.offset)) == p.tail]
    return max(fitting, key=lambda p: (p.inode == file.inode, p.offset), default=None)


def _copied(file: Found, claimed: Sequence[tuple[Found, Position]], free: Sequence[Position]) -> bool:
    """Whether this is a copy, whole or of the beginning, of a file that is or was being read."""
    for other, _ in claimed:
        common = min(file.size, other.size)
        if other.head == file.head and _bytes_before(file.path, common) == _bytes_before(other.path, common):
            return True
    return not file.live and any(p.head == file.head and p.offset > file.size for p in free)


def _look(path: str, live: bool) -> Found | None:
    try:
        with open(path, "rb") as file:
            info = os.fstat(file.fileno())
            head = file.read(_HEAD)
    except OSError:
        return None
    end = head.find(b"\n") + 1
    if not end and len(head) < _HEAD:
        return None
    return Found(path, info.st_ino, info.st_size, info.st_mtime, _digest(head[:end] if end else head), live)


def _bytes_before(path: str, offset: int) -> bytes:
    try:
        with open(path, "rb") as file:
            begin = max(0, offset - _TAIL)
            file.seek(begin)
            return file.read(offset - begin)
    except OSError:
        return b""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:24]
