"""Events: in the transaction that makes them true, delivered at least once, under the trace that made them."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy import select

from platform_app.kit.client import Client
from platform_app.kit.config import ConfigFolder
from platform_app.kit.db import Db
from platform_app.kit.metrics import Metrics
from platform_app.kit.outbox import BATCH, Relay, publish
from platform_app.kit.trace import begin, enter
from platform_app.orders.tables import outbox
from tests.platform_app.world import listening

NOW = 1_700_000_000


class Neighbour:
    """Takes events, or refuses them while `status` is not 200."""

    def __init__(self) -> None:
        self.status = 200
        self.events: list[dict[str, Any]] = []
        self.traces: list[str] = []
        self.app = FastAPI()

        @self.app.post("/internal/events")
        async def take(request: Request) -> JSONResponse:
            self.traces.append(request.headers.get("traceparent", ""))
            if self.status == 200:
                self.events.append(await request.json())
            return JSONResponse({}, self.status)


async def test_delivery(folder: ConfigFolder) -> None:
    db, client, metrics, neighbour = Db(folder.config.database_url), Client(folder), Metrics("orders"), Neighbour()
    relay = Relay("orders", db, client, metrics, {"messages": "/internal/events", "providers": "/internal/events"})
    trace = begin()
    enter(trace)
    try:
        async with listening(neighbour.app, folder.config.services["messages"]):
            await _one_target_is_down(db, relay, neighbour)
            assert neighbour.traces[0].split("-")[1] == trace.trace_id
            await _refused_waits_longer_each_time(db, relay, neighbour)
            await _more_than_a_batch(db, relay, neighbour)
    finally:
        await client.close()
        await db.close()


async def left(db: Db) -> list[tuple[str, int, int]]:
    async with db.read() as c:
        rows = (await c.execute(select(outbox).order_by(outbox.c.id))).all()
    return [(r.target, r.attempts, r.next_at) for r in rows]


async def _one_target_is_down(db: Db, relay: Relay, neighbour: Neighbour) -> None:
    async with db.transaction() as c:
        number = await publish(c, "orders", "order.done", {"order_id": 7}, to=("messages", "providers"), now=NOW)
    assert await relay.deliver(NOW) == 1
    wanted = {"id": number, "kind": "order.done", "source": "orders", "at": NOW, "payload": {"order_id": 7}}
    assert neighbour.events == [wanted]
    assert await left(db) == [("providers", 1, NOW + 1)]
    async with db.transaction() as c:
        await c.execute(outbox.delete())


async def _refused_waits_longer_each_time(db: Db, relay: Relay, neighbour: Neighbour) -> None:
    neighbour.status, neighbour.events = 503, []
    async with db.transaction() as c:
        await publish(c, "orders", "order.done", {}, now=NOW)
    at = NOW
    for wait in (1, 2, 4, 8):
        assert await relay.deliver(at) == 0
        assert await relay.deliver(at + wait - 1) == 0, "not due yet, not tried"
        at += wait
        assert (await left(db))[0][2] == at
    neighbour.status = 200
    assert await relay.deliver(at) == 1
    assert (await left(db), len(neighbour.events)) == ([], 1)


async def _more_than_a_batch(db: Db, relay: Relay, neighbour: Neighbour) -> None:
    neighbour.events = []
    async with db.transaction() as c:
        for number in range(BATCH + 10):
            await publish(c, "orders", "order.done", {"n": number}, now=NOW)
    await relay.tick()
    assert sorted(e["payload"]["n"] for e in neighbour.events) == list(range(BATCH + 10))
    assert await left(db) == []
