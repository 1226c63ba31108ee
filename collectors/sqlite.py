"""A SQLite database: its size, its write-ahead log, and whether a writer would get in now."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from prometheus_client.metrics_core import Metric

from collectors.errors import NotReachable
from collectors.families import gauge, info
from collectors.urls import sqlite_path

_PRAGMAS = (
    ("page_count", "sqlite_pages", "Pages of the database file, free ones included."),
    ("freelist_count", "sqlite_free_pages", "Pages that hold nothing."),
    ("page_size", "sqlite_page_size_bytes", "Size of a page."),
    ("user_version", "sqlite_user_version", "PRAGMA user_version."),
    ("schema_version", "sqlite_schema_version", "Rises with every change of the schema."),
)


class SqliteCollector:
    """Looks at the file of `url`. It writes nothing: the lock probe begins a transaction and rolls it back."""

    def __init__(self, url: str, lock_timeout: float = 0.2) -> None:
        self._path = sqlite_path(url)
        self._lock_timeout = lock_timeout

    def collect(self) -> Iterator[Metric]:
        if not self._path.is_file():
            yield gauge("sqlite_up", "Whether the database can be read.", 0.0)
            return
        yield from self._files()
        try:
            with closing(self._open()) as connection:
                yield from _pages(connection)
                available, seconds = _write_lock(connection)
                up = 1.0
        except sqlite3.Error:
            available, seconds, up = None, 0.0, 0.0
        if available is not None:
            text = "Whether a writer got the write lock within the probe's time (BEGIN IMMEDIATE, then ROLLBACK)."
            yield gauge("sqlite_write_lock_available", text, float(available))
            yield gauge("sqlite_write_lock_wait_seconds", "How long the probe waited for the write lock.", seconds)
        yield gauge("sqlite_up", "Whether the database can be read.", up)

    def _files(self) -> Iterator[Metric]:
        yield gauge("sqlite_database_bytes", "Size of the database file.", _size(self._path))
        wal = _size(self._path.with_name(f"{self._path.name}-wal"))
        yield gauge("sqlite_wal_bytes", "Size of the write-ahead log.", wal)
        modified = max(_modified(self._path), _modified(self._path.with_name(f"{self._path.name}-wal")))
        text = "When the database or its write-ahead log was last written."
        yield gauge("sqlite_last_write_timestamp_seconds", text, modified)

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(
            f"file:{self._path}?mode=rw", uri=True, timeout=self._lock_timeout, isolation_level=None
        )  # fmt: skip


def _pages(connection: sqlite3.Connection) -> Iterator[Metric]:
    for pragma, name, text in _PRAGMAS:
        yield gauge(name, text, float(connection.execute(f"PRAGMA {pragma}").fetchone()[0]))
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    yield info("sqlite_info", "Library version and journal mode.", {
        "version": sqlite3.sqlite_version, "journal_mode": str(mode),
    })  # fmt: skip


def _write_lock(connection: sqlite3.Connection) -> tuple[bool | None, float]:
    """Could a writer begin? The lock is given back at once. None: we may only read, so we can not tell."""
    start = time.perf_counter()
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        primary = error.sqlite_errorcode & 0xFF
        if primary not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY):
            raise
        return None if primary == sqlite3.SQLITE_READONLY else False, time.perf_counter() - start
    return True, time.perf_counter() - start


def quick_check(url: str) -> tuple[str, ...]:
    """What PRAGMA quick_check finds, () when all is well. Reads the whole file: not for a scrape."""
    path = sqlite_path(url)
    if not path.is_file():
        raise NotReachable(f"no database at {path}", "is the path right?")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        try:
            found = tuple(str(row[0]) for row in connection.execute("PRAGMA quick_check"))
        except sqlite3.DatabaseError as error:  # too damaged for the check itself
            return (str(error),)
    return () if found == ("ok",) else found


def _size(path: Path) -> float:
    try:
        return float(os.path.getsize(path))
    except FileNotFoundError:
        return 0.0


def _modified(path: Path) -> float:
    try:
        return os.path.getmtime(path)
    except FileNotFoundError:
        return 0.0
