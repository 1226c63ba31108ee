"""The database on both engines: transactions, locks, schema."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from platform_app.kit.db import Db, error_kind, insert_ignore, inserted_id, metadata, sync_engine
from platform_app.kit.migrate import upgrade
from platform_app.messages import tables as _messages
from platform_app.orders.tables import event, slot
from platform_app.payments import tables as _payments
from platform_app.users.tables import user
from tests.servers import free_port

ALL_TABLES = (_messages, _payments)
PERSON = {"phone": "13800000001", "name": "王芳🙂", "role": "customer", "created_at": 1}


async def names(db: Db) -> list[str]:
    async with db.read() as c:
        return list((await c.execute(select(user.c.name))).scalars())


async def test_a_transaction_is_whole_or_nothing(database_url: str) -> None:
    db = Db(database_url)
    async with db.transaction() as c:
        first = inserted_id(await c.execute(insert(user).values(PERSON)))
    assert first > 0
    with pytest.raises(IntegrityError):
        await _twice(db)
    assert await names(db) == ["王芳🙂"]
    await db.close()


async def _twice(db: Db) -> None:
    async with db.transaction() as c:
        await c.execute(insert(user).values({**PERSON, "phone": "2"}))
        await c.execute(insert(user).values(PERSON))


async def test_insert_ignore_tells_whether_the_row_is_new(database_url: str) -> None:
    db = Db(database_url)
    async with db.transaction() as c:
        counts = [(await c.execute(insert_ignore(event).values(event_id="a", at=1))).rowcount for _ in range(2)]
    assert counts == [1, 0]
    await db.close()


async def test_writers_take_turns(database_url: str) -> None:
    db = Db(database_url)

    async def claim(number: int) -> bool:
        try:
            async with db.transaction() as c:
                await c.execute(insert(slot).values(provider_id=1, slot_at=1800, order_id=number))
            return True
        except IntegrityError:
            return False

    assert sum(await asyncio.gather(*(claim(n) for n in range(20)))) == 1
    await db.close()


async def test_a_foreign_lock_stops_writes_with_kind_locked_while_reads_go_on(sqlite_url: str) -> None:
    db = Db(sqlite_url)
    async with db.transaction() as c:
        await c.execute(insert(user).values(PERSON))
    holder = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    async def write(number: int) -> str:
        try:
            async with db.transaction() as c:
                await c.execute(insert(user).values({**PERSON, "phone": str(number)}))
            return "written"
        except SQLAlchemyError as error:
            return error_kind(error)

    started = time.monotonic()
    writes = [asyncio.create_task(write(n)) for n in range(3)]
    await asyncio.sleep(0.1)
    assert await names(db) == ["王芳🙂"]
    assert await asyncio.gather(*writes) == ["locked"] * 3
    assert time.monotonic() - started < 2.5
    holder.execute("ROLLBACK")
    holder.close()
    assert await write(9) == "written"
    await db.close()


@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all.db", "mysql://root@127.0.0.1:{port}/test"])
async def test_an_absent_database_is_unreachable(url: str) -> None:
    db = Db(url.format(port=free_port()))
    with pytest.raises((SQLAlchemyError, OSError)) as caught:
        await db.ping()
    assert error_kind(caught.value) == "unreachable"
    await db.close()


def test_revisions_make_what_the_tables_say(database_url: str) -> None:
    upgrade(database_url)
    engine = sync_engine(database_url)
    with engine.connect() as c:
        context = MigrationContext.configure(c, opts={"compare_type": True})
        found: Any = compare_metadata(context, metadata)
        c.execute(text("SELECT 1"))
    engine.dispose()
    assert found == []
