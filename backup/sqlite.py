"""SQLite: the online copy of one instant, its row counts, its integrity."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from backup.errors import BackupError, NotReachable, WrongUse

_PATIENCE_SECONDS = 30.0


def copy(source: Path, target: Path, on_pages: Callable[[int, int], None]) -> None:
    """Copies a database that is being written as one instant, in one step (pages=-1).

    Source: sqlite.org/backup.html; in steps it would start again at each write of others.
    Raises NotReachable when it stays locked for 30 s.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS

    def progress(_: int, left: int, total: int) -> None:
        on_pages(total - left, total)
        if left and time.monotonic() > deadline:
            raise NotReachable(f"{source} stays locked", "another process holds it exclusively; find it: fuser FILE")

    try:
        with _closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True, timeout=5)) as original:
            original.execute("SELECT count(*) FROM sqlite_master").fetchone()
            with _closing(sqlite3.connect(target)) as made:
                original.backup(made, pages=-1, progress=progress)
    except sqlite3.Error as error:
        raise _explain(source, error) from error


def inspect(file: Path) -> dict[str, int]:
    """Rows by table of a copy that nobody writes. Raises BackupError when the copy is not sound or holds nothing."""
    with reading(file) as database:
        try:
            _sound(file, database)
            names = [r[0] for r in database.execute("SELECT name FROM sqlite_master WHERE type='table' ORDER BY name")]
            tables = {n: _count(database, n) for n in names if not n.startswith("sqlite_")}
        except sqlite3.Error as error:
            raise _explain(file, error) from error
    if not tables:
        raise WrongUse(f"{file.name} holds no tables", "is it the right file? an empty backup would prove nothing")
    return tables


@contextmanager
def reading(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a file that nobody writes: nothing is changed, no -wal or -shm appears beside it."""
    with _closing(sqlite3.connect(f"{file.as_uri()}?mode=ro&immutable=1", uri=True)) as database:
        yield database


def _sound(file: Path, database: sqlite3.Connection) -> None:
    said = [r[0] for r in database.execute("PRAGMA integrity_check(3)")]
    if said != ["ok"]:
        raise BackupError(f"{file.name} is damaged: {'; '.join(said)}", "repair or restore the source first")


def _count(database: sqlite3.Connection, table: str) -> int:
    quoted = table.replace('"', '""')
    found: int = database.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()[0]
    return found


@contextmanager
def _closing(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    try:
        yield connection
    finally:
        connection.close()


def _explain(file: Path, error: sqlite3.Error) -> BackupError:
    if isinstance(error, sqlite3.OperationalError):
        return NotReachable(f"{file} cannot be read: {error}", "is it there, and yours to read?")
    return BackupError(f"{file} is not a sound SQLite database: {error}")
