"""The one database: SQLite (WAL) or MariaDB, by `database_url`. SQLAlchemy Core; each service owns its prefix.

Times are INTEGER epoch seconds UTC (`*_at`), money INTEGER fen (`*_fen`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    CursorResult,
    Engine,
    Insert,
    Integer,
    MetaData,
    Table,
    create_engine,
    event,
    insert,
    text,
)
from sqlalchemy import exc as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

metadata = MetaData()
Id = BigInteger().with_variant(Integer, "sqlite")
"""The column type of ids, epoch seconds and fen: 64 bits on both engines."""

MYSQL: dict[str, Any] = {"mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_unicode_ci", "mysql_engine": "InnoDB"}
"""Table options; give them to every `Table` and `op.create_table`."""

BUSY_MS = 1000
"""How long a write waits for SQLite's lock, and as long again for this process' one writing connection."""

Kind = Literal["locked", "unreachable", "other"]
_MYSQL_LOCKED = {1205, 1213}
_MYSQL_GONE = {1040, 1044, 1045, 1049, 2002, 2003, 2006, 2013, 2055}


def error_kind(error: BaseException) -> Kind:
    """What a database error means: `locked` (try again soon), `unreachable`, or `other` (a defect)."""
    if isinstance(error, sa.TimeoutError):
        return "locked"
    cause = error.orig if isinstance(error, sa.DBAPIError) else error
    words = str(cause).lower()
    if "database is locked" in words or "database table is locked" in words:
        return "locked"
    number = next((a for a in getattr(cause, "args", ()) if isinstance(a, int)), 0)
    if number in _MYSQL_LOCKED:
        return "locked"
    gone = isinstance(error, OSError) or (isinstance(error, sa.DBAPIError) and error.connection_invalidated)
    if gone or number in _MYSQL_GONE or "unable to open database" in words or "can't connect" in words:
        return "unreachable"
    return "other"


def insert_ignore(table: Table[Any]) -> Insert:
    """An INSERT that skips rows whose key exists already (rowcount tells how many went in)."""
    return insert(table).prefix_with("OR IGNORE", dialect="sqlite").prefix_with("IGNORE", dialect="mysql")


def insert_and_hold(connection: AsyncConnection, table: Table[Any], row: dict[str, Any]) -> Insert:
    """An INSERT that leaves a row whose key exists as it is, and holds it for writing in either case.

    INSERT IGNORE would hold it for reading, and two who then want to write would be in each other's way.
    """
    if connection.dialect.name == "sqlite":
        return insert_ignore(table).values(row)
    key = next(iter(table.primary_key.columns))
    return mysql.insert(table).values(row).on_duplicate_key_update({key.name: key})


def sync_engine(url: str) -> Engine:
    """A plain, blocking engine, for set-up, migrations and tasks; the platform's pragmas set."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(
            parsed.set(drivername="sqlite"), connect_args={"timeout": BUSY_MS / 1000}, hide_parameters=True
        )
        event.listen(engine, "connect", _pragmas)
        return engine
    return create_engine(parsed.set(drivername="mysql+pymysql", query={"charset": "utf8mb4"}), hide_parameters=True)


def inserted_id(result: CursorResult[Any]) -> int:
    """The id that the database gave to the row just inserted."""
    key = result.inserted_primary_key
    assert key is not None
    return int(key[0])


class Db:
    """The database of a service. Reads and writes have pools of their own, so that a lock stops writes alone."""

    def __init__(self, url: str) -> None:
        self._open(url)

    def _open(self, url: str) -> None:
        parsed = make_url(url)
        self.url = url
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self._writer, self._reader = _sqlite(str(parsed.database), 1), _sqlite(str(parsed.database), 6)
            event.listen(self._writer.sync_engine, "begin", _begin_immediate)
        else:
            self._writer = self._reader = _mysql(url)

    async def use(self, url: str) -> None:
        """Moves to another database, when a new configuration version names one."""
        old = (self._writer, self._reader)
        self._open(url)
        for engine in set(old):
            await engine.dispose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A write transaction: BEGIN IMMEDIATE on SQLite, READ COMMITTED on MariaDB; commits at the end.

        One at a time a process on SQLite: call nothing slow inside, and never nest.
        """
        async with self._writer.begin() as connection:
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reads, which go on while another process holds the write lock."""
        async with self._reader.connect() as connection:
            yield connection

    async def ping(self) -> None:
        """Raises when the database does not answer a read."""
        async with self.read() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self._writer.dispose()
        await self._reader.dispose()


def _sqlite(path: str, size: int) -> AsyncEngine:
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}",
        poolclass=AsyncAdaptedQueuePool,
        hide_parameters=True,  # an error's text goes to the log, where no address belongs
        pool_size=size,
        max_overflow=0,
        pool_timeout=BUSY_MS / 1000,
        connect_args={"timeout": BUSY_MS / 1000, "isolation_level": None},
    )
    event.listen(engine.sync_engine, "connect", _pragmas)
    return engine


def _mysql(url: str) -> AsyncEngine:
    return create_async_engine(
        make_url(url).set(drivername="mysql+asyncmy", query={"charset": "utf8mb4"}),
        isolation_level="READ COMMITTED",
        hide_parameters=True,
        pool_size=12,
        max_overflow=4,
        pool_timeout=2,
        pool_recycle=1800,
        connect_args={"connect_timeout": 2, "init_command": "SET innodb_lock_wait_timeout=2"},
    )


def _pragmas(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    cursor.execute("PRAGMA journal_mode")
    if cursor.fetchone()[0] != "wal":  # setting it again would wait for a writer
        cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA cache_size=-4000")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
