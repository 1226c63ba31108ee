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
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

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
    """A file that is there now, open as `handle`: a name may mean another file a moment later.

    `live` is false for a rotated one.
    """

    path: str
    handle: int
    inode: int
    size: int
    modified: float
    head: str
    live: bool


@contextmanager
def looking(patterns: Iterable[str]) -> Iterator[list[Found]]:
    """The files of these globs and their rotated siblings (`.1`, `.2026-11-22`; not compressed), oldest first.

    A file without a whole first line is not there yet. They are open until the block ends, and one that is
    renamed meanwhile is still one file.
    """
    with ExitStack() as stack:
        found: dict[tuple[int, int], Found] = {}
        for path, live in _names(patterns).items():
            try:
                handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                continue
            stack.callback(os.close, handle)
            info = os.fstat(handle)
            head = _head(handle)
            if head and (info.st_dev, info.st_ino) not in found and stat.S_ISREG(info.st_mode):
                found[info.st_dev, info.st_ino] = Found(
                    path, handle, info.st_ino, info.st_size, info.st_mtime, _digest(head), live
                )
        yield sorted(found.values(), key=lambda f: (f.modified, f.path))


def _names(patterns: Iterable[str]) -> dict[str, bool]:
    """Each path, and whether it is live."""
    names: dict[str, bool] = {}
    for pattern in patterns:
        names |= dict.fromkeys(glob.glob(pattern), True)
        for rotated in glob.glob(f"{pattern}.*"):
            if _ROTATED.search(rotated):
                names.setdefault(rotated, False)
    return names


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
    for file in sorted(rest, key=lambda f: (not f.live, -f.size)):  # a copy is never longer than what it copies
        own = _best(free, file)
        if own:
            _take(file, own, free, claimed, now)
        elif not _copied(file, claimed, free):
            claimed.append((file, Position(new_key(), file.path, file.inode, file.head, 0, _digest(b""), now, now)))
    return sorted(claimed, key=lambda c: files.index(c[0]))


def read(file: Found, offset: int, most: int) -> bytes:
    """Whole lines from `offset`, at most about `most` bytes; a line longer than that is given in parts."""
    content = os.pread(file.handle, most, offset)
    end = content.rfind(b"\n") + 1
    return content[:end] if end or len(content) < most else content


def advance(position: Position, file: Found, consumed: bytes, last_at: float) -> Position:
    """The position after these bytes were stored."""
    offset = position.offset + len(consumed)
    tail = consumed[-_TAIL:]
    if len(tail) < min(_TAIL, offset):
        tail = _before(file, offset)
    return replace(position, offset=offset, tail=_digest(tail), last_at=last_at)


def _take(file: Found, own: Position, free: list[Position], claimed: list[tuple[Found, Position]], now: float) -> None:
    free.remove(own)
    claimed.append((file, replace(own, path=file.path, inode=file.inode, seen=now)))


def _best(candidates: Sequence[Position], file: Found) -> Position | None:
    fitting = [p for p in candidates if p.head == file.head and p.offset <= file.size]
    fitting = [p for p in fitting if _digest(_before(file, p.offset)) == p.tail]
    return max(fitting, key=lambda p: (p.inode == file.inode, p.offset), default=None)


def _copied(file: Found, claimed: Sequence[tuple[Found, Position]], free: Sequence[Position]) -> bool:
    """Whether this is a copy, whole or of the beginning, of a file that is or was being read."""
    for other, _ in claimed:
        common = min(file.size, other.size)
        if other.head == file.head and _before(file, common) == _before(other, common):
            return True
    return not file.live and any(p.head == file.head and p.offset > file.size for p in free)


def _head(handle: int) -> bytes:
    """The first line with its end, or the first 4 KiB; nothing while the first line is not whole."""
    head = os.pread(handle, _HEAD, 0)
    end = head.find(b"\n") + 1
    if end:
        return head[:end]
    return head if len(head) == _HEAD else b""


def _before(file: Found, offset: int) -> bytes:
    begin = max(0, offset - _TAIL)
    return os.pread(file.handle, offset - begin, begin)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:24]
