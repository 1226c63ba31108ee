"""Every query that is asked often finds its rows by an index, on both engines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.config import Settlement
from platform_app.kit.db import Db
from platform_app.settlement import differences, inbox, views, withdrawals
from platform_app.settlement.withdrawals import Payouts
from tests.platform_app.settlement.books import HOLD, NOW, completed, paid, refunded, take
from tests.platform_app.settlement.test_withdrawals import Fake


@asynccontextmanager
async def _noted(db: Db) -> AsyncIterator[list[tuple[str, object]]]:
    """The SELECTs that are sent meanwhile, with their parameters."""
    seen: list[tuple[str, object]] = []
    engines = {db._writer.sync_engine, db._reader.sync_engine}

    def note(_c: Connection, _cursor: object, sql: str, given: object, *_: object) -> None:
        if sql.lstrip().upper().startswith("SELECT"):
            seen.append((sql, given))

    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    yield seen
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)


async def _life(db: Db) -> None:
    """What happens to orders and withdrawals, and what people look at."""
    rules = Settlement(min_withdrawal_fen=1)
    await take(db, paid(1), completed(1), paid(2), refunded(2))
    async with db.read() as c:
        await inbox.due(c, NOW + HOLD)
        await inbox.waiting_orders(c)
    await inbox.release(db, 1, NOW + HOLD)
    await withdrawals.request(db, 7, 100, "openid", "key-00001", rules, NOW)
    await Payouts(db, Fake()).tick(NOW)
    async with db.read() as c:
        await views.entries(c, "7", "provider_available", (5,), 21)
        await views.withdrawals(c, 7, "", 99, 21)
        await views.journals(c, "1", 99, 21)
        await differences.page_of(c, "open", "", 99, 21)


async def _scans(c: AsyncConnection, sqlite: bool, sql: str, given: object) -> list[str]:
    """What the engine would read whole for a query."""
    if sqlite:
        rows = (await c.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", given)).all()  # type: ignore[arg-type]
        return [row[3] for row in rows if row[3].startswith("SCAN") and "INDEX" not in row[3]]
    rows = (await c.exec_driver_sql(f"EXPLAIN {sql}", given)).all()  # type: ignore[arg-type]
    return [f"{row.table}: {row.type}" for row in rows if row.type == "ALL" and not row.possible_keys]


async def test_no_query_of_every_day_reads_a_table_whole(db: Db) -> None:
    async with _noted(db) as seen:
        await _life(db)
    assert len({sql for sql, _ in seen}) > 15
    async with db.read() as c:
        for sql, given in seen:
            scans = await _scans(c, db.is_sqlite, sql, given)
            assert not scans, (sql, scans)
