"""A SQLite file of ours: WAL, full durability, one connection per thread, explicit transactions."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from opsctl.core.errors import StateError


class Database:
    """A store whose every committed transaction survives kill -9 and power loss.

    `schema` lists migrations: statement batches applied in order, each once; the file's
    `user_version` counts those applied. A file with more than this program knows is refused;
    an older one is copied to `<file>.v<old>.bak` before it is migrated.
    """

    def __init__(self, path: Path, schema: Sequence[str]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._local = threading.local()
        self._write = threading.RLock()
        self._migrate(schema)

    def connection(self) -> sqlite3.Connection:
        """This thread's connection, rows as sqlite3.Row."""
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = sqlite3.connect(self.path, timeout=10, isolation_level=None)
            found.row_factory = sqlite3.Row
            found.execute("PRAGMA journal_mode=WAL")
            found.execute("PRAGMA synchronous=FULL")
            found.execute("PRAGMA foreign_keys=ON")
            self._local.connection = found
        return found

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """BEGIN IMMEDIATE … COMMIT; any exception rolls all of it back."""
        with self._write:
            connection = self.connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        return self.connection().execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self.connection().execute(sql, values).fetchone()
        return found

    def close(self) -> None:
        """Closes this thread's connection."""
        found = getattr(self._local, "connection", None)
        if found is not None:
            found.close()
            self._local.connection = None

    def _migrate(self, schema: Sequence[str]) -> None:
        connection = self.connection()
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(schema):
            raise StateError(
                f"{self.path} has format {version}, this opsctl knows up to {len(schema)}", "use the newer opsctl"
            )
        if 0 < version < len(schema):
            self._back_up(connection, version)
        for number in range(version, len(schema)):
            script = f"BEGIN IMMEDIATE;\n{schema[number]};\nPRAGMA user_version={number + 1};\nCOMMIT;"
            connection.executescript(script)

    def _back_up(self, connection: sqlite3.Connection, version: int) -> None:
        target = self.path.with_name(f"{self.path.name}.v{version}.bak")
        if target.exists():
            return
        part = target.with_name(target.name + ".part")
        part.unlink(missing_ok=True)
        with sqlite3.connect(part) as copy:
            connection.backup(copy, pages=-1)
        copy.close()
        part.rename(target)
