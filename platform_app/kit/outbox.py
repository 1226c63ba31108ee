"""Events between services: written in the transaction that makes them true, delivered at least once by a relay.

A row lies in `<service>_outbox` until its target has answered 2xx. Targets must be idempotent by the event's id.
The body POSTed: `{"id", "kind", "source", "at", "payload": {…}}`, with the internal token, under the trace
of the request that published it.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Column, Integer, Row, String, Table, Text, UniqueConstraint, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.client import Client
from platform_app.kit.db import MYSQL, Db, Id, metadata
from platform_app.kit.log import Log
from platform_app.kit.metrics import Metrics
from platform_app.kit.problem import Problem
from platform_app.kit.trace import begin, current, enter

log = Log("platform.outbox")
BATCH = 64
AT_ONCE = 16
MAX_WAIT = 60


def outbox_columns() -> list[Any]:
    """The columns and constraint of an outbox as revisions make it (`op.create_table("<service>_outbox", …)`).

    Frozen: what came later (`traceparent`, by revision 0003) is added by `outbox_table`.
    """
    return [
        Column("id", Id, primary_key=True, autoincrement=True),
        Column("event_id", String(40), nullable=False),
        Column("target", String(32), nullable=False),
        Column("kind", String(64), nullable=False),
        Column("payload", Text, nullable=False),
        Column("created_at", Id, nullable=False),
        Column("attempts", Integer, nullable=False, default=0),
        Column("next_at", Id, nullable=False, index=True),
        UniqueConstraint("event_id", "target"),
    ]


def outbox_table(service: str) -> Table[Any]:
    """The outbox of a service on `metadata`; call it once, in the service's `tables.py`."""
    name = f"{service}_outbox"
    if name in metadata.tables:
        return metadata.tables[name]
    traceparent = Column("traceparent", String(55), nullable=False, server_default="")
    return Table(name, metadata, *outbox_columns(), traceparent, **MYSQL)


async def publish(
    connection: AsyncConnection,
    service: str,
    kind: str,
    payload: Mapping[str, Any],
    *,
    to: str | Sequence[str] = "messages",
    now: int | None = None,
    event_id: str | None = None,
) -> str:
    """Writes an event inside the caller's transaction, one row for each service in `to`; its id."""
    at = int(time.time()) if now is None else now
    own = event_id or uuid.uuid4().hex
    targets = (to,) if isinstance(to, str) else tuple(to)
    trace = current()
    row = {
        "event_id": own,
        "kind": kind,
        "payload": orjson.dumps(payload).decode(),
        "created_at": at,
        "attempts": 0,
        "next_at": at,
        "traceparent": trace.traceparent if trace else "",
    }
    await connection.execute(insert(outbox_table(service)), [{**row, "target": target} for target in targets])
    return own


class Relay:
    """Delivers a service's outbox. `paths`: target service → the path there, e.g. {"messages": "/internal/events"}."""

    def __init__(self, service: str, db: Db, client: Client, metrics: Metrics, paths: Mapping[str, str]) -> None:
        self._table = outbox_table(service)
        self._service, self._db, self._client, self._metrics, self._paths = service, db, client, metrics, dict(paths)
        self._delivered = metrics.counter(
            "booking_outbox_deliveries_total", "Deliveries tried.", ("service", "target", "outcome")
        )

    async def tick(self) -> None:
        """Delivers all that is due, in batches. Run it by `kit.loop.every`, about twice a second."""
        while await self.deliver(int(time.time())) == BATCH:
            pass

    async def deliver(self, now: int) -> int:
        """Tries one batch that is due at `now`: delivered rows go, the others wait 1, 2, 4 … 60 s. How many went."""
        t = self._table
        async with self._db.read() as c:
            due = (await c.execute(select(t).where(t.c.next_at <= now).order_by(t.c.id).limit(BATCH))).all()
            pending = (await c.execute(select(func.count()).select_from(t))).scalar_one()
        self._metrics.outbox_pending.labels(self._service).set(pending)
        done: list[int] = []
        for start in range(0, len(due), AT_ONCE):
            chunk = due[start : start + AT_ONCE]
            results = await asyncio.gather(
                *(self._send(row) for row in chunk)
            )  # each in a task, so a trace, of its own
            done += [row.id for row, ok in zip(chunk, results, strict=True) if ok]
        await self._settle(due, set(done), now)
        self._metrics.outbox_pending.labels(self._service).set(pending - len(done))
        return len(done)

    async def _settle(self, due: Sequence[Row[Any]], done: set[int], now: int) -> None:
        t = self._table
        late: dict[int, list[int]] = {}
        for row in due:
            if row.id not in done:
                late.setdefault(row.attempts, []).append(row.id)
        if not due:
            return
        async with self._db.transaction() as c:
            if done:
                await c.execute(delete(t).where(t.c.id.in_(done)))
            for attempts, ids in late.items():
                wait = min(MAX_WAIT, 2 ** min(attempts, 6))
                await c.execute(update(t).where(t.c.id.in_(ids)).values(attempts=attempts + 1, next_at=now + wait))

    async def _send(self, row: Row[Any]) -> bool:
        enter(begin(row.traceparent))
        event = {
            "id": row.event_id,
            "kind": row.kind,
            "source": self._service,
            "at": row.created_at,
            "payload": orjson.loads(row.payload),
        }
        try:
            path = self._paths[row.target]
            answer = await self._client.call(row.target, "POST", path, json=event, timeout=5)
            ok, outcome = answer.ok, "delivered" if answer.ok else f"refused_{answer.status}"
        except Problem as problem:
            ok, outcome = False, problem.code
        self._delivered.labels(self._service, row.target, "delivered" if ok else "failed").inc()
        if not ok and row.attempts in (0, 5):
            log.warning("outbox.undelivered", target=row.target, event_id=row.event_id, kind=row.kind, outcome=outcome)
        return ok
