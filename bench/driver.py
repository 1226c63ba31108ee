"""The booking's transaction by the bare driver: the same rows in the same tables, without HTTP, service, SQLAlchemy."""

from __future__ import annotations

import asyncio
import sqlite3
import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import asyncmy
import orjson
from sqlalchemy.engine import make_url

from bench.client import Result
from platform_app.kit.config import Orders
from platform_app.kit.db import BUSY_MS
from platform_app.orders.booking import Held, Wish, plan
from platform_app.orders.events import described

_SLOT = ("provider_id", "slot_at", "order_id", "hold_until")
_OUTBOX = ("event_id", "target", "kind", "payload", "created_at", "attempts", "next_at", "traceparent")
Planned = tuple[dict[str, Any], tuple[int, ...]]


def planned(wishes: Sequence[Wish], rules: Orders, now: int) -> list[Planned]:
    """The order's columns and its slots, for each wish."""
    return [plan(wish, rules, now) for wish in wishes]


def insert_into(table: str, columns: Sequence[str], mark: str) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join([mark] * len(columns))})"


def _children(order_id: int, values: dict[str, Any], slots: tuple[int, ...]) -> tuple[list[Any], list[Any]]:
    """The rows of slots and of the outbox."""
    held, at = Held(order_id, values), values["created_at"]
    event = (uuid.uuid4().hex, "messages", "order.held", orjson.dumps(described(held, "held")).decode(), at, 0, at, "")
    return [(values["provider_id"], s, order_id, values["hold_until"]) for s in slots], [event]


def on_sqlite(url: str, rows: Sequence[Planned], seconds: float) -> Result:
    """One connection, as SQLite has one writer; BEGIN IMMEDIATE, WAL, synchronous NORMAL as in the product."""
    connection = sqlite3.connect(str(make_url(url).database), isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", f"busy_timeout={BUSY_MS}"):
        connection.execute(f"PRAGMA {pragma}")
    order_sql = insert_into("orders_order", tuple(rows[0][0]), "?")
    slot_sql, outbox_sql = insert_into("orders_slot", _SLOT, "?"), insert_into("orders_outbox", _OUTBOX, "?")
    latencies: list[float] = []
    began = time.perf_counter()
    for values, slots in _while(iter(rows), began + seconds):
        started = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        order_id = connection.execute(order_sql, tuple(values.values())).lastrowid
        taken, events = _children(int(order_id or 0), values, slots)
        connection.executemany(slot_sql, taken)
        connection.executemany(outbox_sql, events)
        connection.execute("COMMIT")
        latencies.append(time.perf_counter() - started)
    lasted = time.perf_counter() - began
    connection.close()
    return Result({"201": len(latencies)}, latencies, lasted, {})


async def on_mariadb(url: str, rows: Sequence[Planned], seconds: float, connections: int) -> Result:
    """So many connections at once, READ COMMITTED; many rows of one table go in one INSERT."""
    where = make_url(url)
    order_sql = insert_into("orders_order", tuple(rows[0][0]), "%s")
    slot_sql, outbox_sql = insert_into("orders_slot", _SLOT, "%s"), insert_into("orders_outbox", _OUTBOX, "%s")
    latencies: list[float] = []
    pending = iter(rows)
    login = {"host": where.host, "port": where.port, "user": where.username, "db": where.database}
    opened = [await asyncmy.connect(**login, charset="utf8mb4", autocommit=False) for _ in range(connections)]
    began = time.perf_counter()

    async def work(connection: Any) -> None:
        async with connection.cursor() as cursor:
            await cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
            for values, slots in _while(pending, began + seconds):
                started = time.perf_counter()
                await cursor.execute(order_sql, tuple(values.values()))
                taken, events = _children(cursor.lastrowid, values, slots)
                await cursor.executemany(slot_sql, taken)
                await cursor.executemany(outbox_sql, events)
                await connection.commit()
                latencies.append(time.perf_counter() - started)

    await asyncio.gather(*(work(c) for c in opened))
    lasted = time.perf_counter() - began
    for connection in opened:
        connection.close()
    return Result({"201": len(latencies)}, latencies, lasted, {})


def _while(rows: Iterator[Planned], end: float) -> Iterator[Planned]:
    for row in rows:
        yield row
        if time.perf_counter() >= end:
            return
