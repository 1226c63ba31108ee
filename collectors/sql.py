"""The databases that figures are read from: SQLite, and MariaDB or MySQL. Read-only, every wait bounded."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Protocol

import pymysql

from collectors.errors import NotReachable
from collectors.mariadb import connect
from collectors.urls import mysql_account, sqlite_path

At = Callable[[str], str]
"""SQL with the instant (a literal or a column) filled in."""
_UNIONS = 240


class DatabaseError(Exception):
    """A statement that the database refused."""


class Database(Protocol):
    """What figures need of a database."""

    schemes: ClassVar[tuple[str, ...]]

    def __init__(self, url: str, timeout: float) -> None: ...

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of one query."""
        ...

    def over(self, instants: Sequence[int], queries: Sequence[At]) -> Iterator[tuple[Any, ...]]:
        """For each instant: itself, and the one number of each query at it."""
        ...

    def close(self) -> None: ...


class Sqlite:
    """A SQLite file. A range condition on the instant of an outer row uses the index: one statement for many."""

    schemes: ClassVar[tuple[str, ...]] = ("sqlite",)

    def __init__(self, url: str, timeout: float) -> None:
        path = sqlite_path(url)
        if not path.is_file():
            raise NotReachable(f"no database at {path}", "is the path right, and has set-up been run?")
        self._connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=timeout, check_same_thread=False)
        end = time.monotonic() + timeout
        self._connection.set_progress_handler(lambda: int(time.monotonic() > end), 100_000)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(sql).fetchall()
        except sqlite3.Error as error:
            raise DatabaseError(str(error)) from error

    def over(self, instants: Sequence[int], queries: Sequence[At]) -> Iterator[tuple[Any, ...]]:
        if queries:
            values = ",".join(f"({int(instant)})" for instant in instants)
            columns = ", ".join(f"({query('instants.instant')})" for query in queries)
            yield from self.rows(f"WITH instants(instant) AS (VALUES {values}) SELECT instant, {columns} FROM instants")

    def close(self) -> None:
        self._connection.close()


class Mysql:
    """MariaDB or MySQL. Its optimizer uses an index only for instants that are literals: a UNION of them."""

    schemes: ClassVar[tuple[str, ...]] = ("mysql", "mariadb")

    def __init__(self, url: str, timeout: float) -> None:
        account = mysql_account(url)
        try:
            self._connection = connect(account, timeout)
            with self._connection.cursor() as cursor:
                cursor.execute("SET SESSION TRANSACTION READ ONLY")
        except pymysql.MySQLError as error:
            where = f"{account.host}:{account.port}"
            raise NotReachable(f"the database at {where} does not answer: {error.args[-1]}", "is it up?") from error

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql)
                return list(cursor.fetchall())
        except pymysql.MySQLError as error:
            raise DatabaseError(str(error.args[-1])) from error

    def over(self, instants: Sequence[int], queries: Sequence[At]) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(instants) if queries else 0, _UNIONS):
            yield from self.rows(
                " UNION ALL ".join(
                    f"SELECT {int(instant)}, {', '.join(f'({query(str(int(instant)))})' for query in queries)}"
                    for instant in instants[start : start + _UNIONS]
                )
            )

    def close(self) -> None:
        self._connection.close()


ENGINES: tuple[type[Database], ...] = (Sqlite, Mysql)
