"""Asks a database of the inventory one question, read-only."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pymysql

from opsctl.core.document import document, nearest
from opsctl.core.errors import NotFound, Unreachable, UsageError
from opsctl.runbook.action import Action, Context, Output

_ROWS = 20


@document
class ProbeSql:
    """`sql`: one statement that reads. `value` of the output is the first column of the first row."""

    sql: str
    database: str = "platform"
    system: str = ""


class ProbeSqlAction(Action[ProbeSql]):
    name = "probe_sql"
    inputs = ProbeSql
    outputs = ("value", "rows")

    def run(self, context: Context, inputs: ProbeSql) -> Output:
        inventory = context.inventory(inputs.system)
        found = inventory.database(inputs.database)
        if found is None:
            hint = nearest(inputs.database, [d.name for d in inventory.databases])
            raise NotFound(f"{inventory.system} has no database {inputs.database!r}", hint)
        read = _sqlite if found.url.startswith("sqlite") else _mysql
        rows = read(found.url, inputs.sql, context.timeout)
        return {"value": rows[0][0] if rows else None, "rows": rows}


def _sqlite(url: str, sql: str, timeout: float) -> list[list[Any]]:
    path = Path(url.partition(":///")[2])
    if not path.exists():
        raise Unreachable(f"no database file {path}")
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=min(timeout, 5.0))
    try:
        connection.execute("PRAGMA query_only=ON")
        return [list(row) for row in connection.execute(sql).fetchmany(_ROWS)]
    except sqlite3.Error as error:
        raise UsageError(f"the database refused: {error}", sql) from error
    finally:
        connection.close()


def _mysql(url: str, sql: str, timeout: float) -> list[list[Any]]:
    parts = urlsplit(url)
    try:
        connection = pymysql.connect(
            host=parts.hostname or "127.0.0.1", port=parts.port or 3306, user=unquote(parts.username or ""),
            password=unquote(parts.password or ""), database=parts.path.lstrip("/"), connect_timeout=5,
            read_timeout=timeout, charset="utf8mb4",
        )  # fmt: skip
    except pymysql.MySQLError as error:
        raise Unreachable(f"the database at {parts.hostname}:{parts.port} does not answer: {error}") from error
    try:
        with connection.cursor() as cursor:
            cursor.execute("START TRANSACTION READ ONLY")
            cursor.execute(sql)
            return [list(row) for row in cursor.fetchmany(_ROWS)]
    except pymysql.MySQLError as error:
        raise UsageError(f"the database refused: {error}", sql) from error
    finally:
        connection.close()
