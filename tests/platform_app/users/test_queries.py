"""Every query that a request waits for goes by an index, on both engines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import Engine

from platform_app.kit.db import Db, sync_engine
from platform_app.users import addresses, codes, limits, repository, sessions
from tests.platform_app.sandbox.homes import make_home
from tests.platform_app.users.test_limits import NOW

PHONE = "13900000077"
Seen = list[tuple[str, Any]]


@pytest.fixture
def seen() -> Iterator[Seen]:
    """The statements of the test, with their parameters."""
    found: Seen = []

    def note(_c: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        found.append((statement, parameters[0] if many else parameters))

    event.listen(Engine, "before_cursor_execute", note)
    yield found
    event.remove(Engine, "before_cursor_execute", note)


async def test_no_request_reads_a_whole_table(database_url: str, seen: Seen, tmp_path: Any) -> None:
    config, db = make_home(tmp_path).config, Db(database_url)
    async with db.transaction() as c:
        await limits.admit(c, limits.limits_of(config.users, PHONE, "device-0001", "10.0.0.1", "k"), NOW)
        await codes.keep(c, PHONE, codes.hashed(PHONE, "123456", "k"), config.users, NOW)
        await codes.spend(c, PHONE, codes.hashed(PHONE, "123456", "k"), config.users, NOW)
        row = await repository.by_phone_or_new(c, PHONE, NOW)
        login = await sessions.begin(c, config, row, sessions.Device("device-0001"), NOW)
        await sessions.renew(c, config, login.refresh_token, NOW)
        await sessions.living(c, login.who)
        await sessions.rename(c, row.id, login.who.session_id, "x")
        await sessions.end(c, row.id, login.who.session_id, "logout", NOW)
        await sessions.end_all(c, row.id, "everywhere", NOW)
        await sessions.revoked_since(c, NOW, 10)
        await addresses.book(c, row.id)
    await db.close()
    asked = [(s, p) for s, p in seen if re.match(r"SELECT|UPDATE|DELETE", s)]
    assert len(asked) > 15
    _fill(database_url)
    engine = sync_engine(database_url)
    with engine.connect() as c:
        form = "?" if engine.dialect.name == "sqlite" else "%s"
        whole = f"SELECT id FROM users_revocation WHERE user_id = {form}"
        assert _plan(c, whole, (5,), engine.dialect.name), "the test sees a table that is read whole"
        for statement, parameters in asked:
            plan = _plan(c, statement, parameters, engine.dialect.name)
            assert plan == [], statement
    engine.dispose()


def _fill(url: str) -> None:
    """Enough rows that an optimiser prefers an index where there is one."""
    engine = sync_engine(url)
    with engine.begin() as c:
        numbers = "(WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT i FROM n) n"
        past = NOW - 10**6
        for table, values in (
            ("users_user(id, phone, name, role, created_at)", f"i + 1000000, i, 'x', 'customer', {past}"),
            ("users_code(phone, code_hash, created_at, expires_at, attempts)", f"i, 'x', {past}, {past}, 0"),
            ("users_revocation(user_id, session_id, generation, at)", f"i, i, 0, {past} + i"),
            (
                "users_session(user_id, device_hash, name, app, user_agent, provider_id, created_at, last_seen_at, "
                "expires_at, turn, current_hash, previous_hash, rotated_at, revoked_reason)",
                f"i, '', '', '', '', 0, {past}, {past}, {past}, 0, '', '', 0, ''",
            ),
        ):
            c.execute(text(f"INSERT INTO {table} SELECT {values} FROM {numbers}"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as c:
        for name in ("users_user", "users_code", "users_revocation", "users_session"):
            c.execute(text(f"ANALYZE {'TABLE ' if engine.dialect.name == 'mysql' else ''}{name}"))
    engine.dispose()


def _plan(c: Connection, statement: str, parameters: Any, dialect: str) -> list[str]:
    """What reads a whole table of many rows, by the engine's own word."""
    if dialect == "sqlite":
        rows = c.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", tuple(parameters)).all()
        return [row[3] for row in rows if row[3].startswith("SCAN") and "CONSTANT" not in row[3]]
    rows = c.exec_driver_sql(f"EXPLAIN {statement}", tuple(parameters)).mappings().all()
    return [str(dict(r)) for r in rows if r["type"] in ("ALL", "index") and int(r["rows"] or 0) > 50]
