"""What can be backed up: a Protocol, SQLite with its object folder, and a plain folder."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from backup import sqlite
from backup.errors import NotReachable, WrongUse
from backup.progress import OnProgress, Progress

OBJECTS = "objects"


@dataclass(frozen=True)
class Held:
    """What a source holds ready: files at `time` (epoch seconds), as (path in the snapshot, file here)."""

    time: float
    files: Iterator[tuple[str, Path]]
    database: str = ""
    tables: tuple[tuple[str, int], ...] = ()


class Source(Protocol):
    """Something whose content of one instant can be read. `name` is its name in the catalog."""

    @property
    def name(self) -> str: ...

    def size(self) -> int:
        """About how many bytes it has."""

    def hold(self, work: Path, clock: Callable[[], float], on_progress: OnProgress) -> Held:
        """Fixes one instant, using `work` for copies, and returns how to read it."""


@dataclass(frozen=True)
class SqliteSource:
    """A database and its objects as one instant.

    The database first, then the objects: objects have write-once keys and are uploaded before the
    row that names them commits, so whatever the copied database refers to is in the folder by then.
    """

    name: str
    path: Path
    objects: Path | None = None
    exclude: tuple[str, ...] = ()

    def size(self) -> int:
        if not self.path.is_file():
            raise NotReachable(f"no file {self.path}", "name the database: --source sqlite:PATH")
        return self.path.stat().st_size + (_size(self.objects, self.exclude) if self.objects else 0)

    def hold(self, work: Path, clock: Callable[[], float], on_progress: OnProgress) -> Held:
        target = work / self.path.name
        size = self.path.stat().st_size

        def on_pages(done: int, total: int) -> None:
            on_progress(Progress("database", size * done // max(total, 1), size, self.path.name))

        on_progress(Progress("database", 0, size, self.path.name))
        at = clock()
        sqlite.copy(self.path, target, on_pages)
        tables = sqlite.inspect(target)
        return Held(at, self._files(target), target.name, tuple(tables.items()))

    def _files(self, copy: Path) -> Iterator[tuple[str, Path]]:
        yield copy.name, copy
        if self.objects:
            for path in _walk(self.objects, self.exclude):
                yield f"{OBJECTS}/{path.relative_to(self.objects).as_posix()}", path


@dataclass(frozen=True)
class FolderSource:
    """Any folder, file by file; as consistent as its files are write-once."""

    name: str
    path: Path
    exclude: tuple[str, ...] = ()

    def size(self) -> int:
        return _size(self.path, self.exclude)

    def hold(self, work: Path, clock: Callable[[], float], on_progress: OnProgress) -> Held:
        at = clock()
        found = ((p.relative_to(self.path).as_posix(), p) for p in _walk(self.path, self.exclude))
        return Held(at, found)


def parse_source(text: str, objects: str = "", name: str = "", exclude: tuple[str, ...] = ()) -> Source:
    """`sqlite:PATH` (with an object folder) or `dir:PATH`. Raises WrongUse for anything else, by name."""
    scheme, colon, rest = text.partition(":")
    if not colon or not rest:
        raise WrongUse(f"not a source: {text!r}", "write sqlite:PATH or dir:PATH")
    path = Path(rest).expanduser().resolve()
    folder = Path(objects).expanduser().resolve() if objects else None
    if scheme == "sqlite":
        return SqliteSource(name or f"sqlite:{path}", path, folder, exclude)
    if scheme == "dir" and folder is None:
        return FolderSource(name or f"dir:{path}", path, exclude)
    if scheme == "dir":
        raise WrongUse("--objects belongs to a database", "leave it out with dir:PATH")
    raise WrongUse(f"{scheme!r} cannot be backed up yet", "write sqlite:PATH or dir:PATH")


def _walk(folder: Path, exclude: tuple[str, ...]) -> Iterator[Path]:
    if not folder.is_dir():
        raise NotReachable(f"no folder {folder}", "name an existing one")
    for here, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(here) / name
            relative = path.relative_to(folder).as_posix()
            if path.is_file() and not path.is_symlink() and not any(fnmatch.fnmatch(relative, e) for e in exclude):
                yield path


def _size(folder: Path, exclude: tuple[str, ...]) -> int:
    total = 0
    for path in _walk(folder, exclude):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total
