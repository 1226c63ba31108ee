"""Booking on both engines: no slot twice, whatever comes at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from sqlalchemy import func, select

from platform_app.kit.times import parse_iso
from platform_app.orders.tables import order, outbox, slot
from tests.platform_app.world import CUSTOMER, OTHER, WORKER, Platform, tomorrow


async def book(platform: Platform, offering: int, at: str, who: Any = CUSTOMER, key: str = "") -> tuple[int, Any]:
    body = {"offering_id": offering, "starts_at": at, "address": "杭州市西湖区文三路 1 号"}
    headers = {"Idempotency-Key": key} if key else {}
    return await platform.request("orders", "POST", "/api/v1/orders", who, json=body, headers=headers)


async def count(platform: Platform, table: Any) -> int:
    async with platform.app("orders").state.service.db.read() as c:
        return int((await c.execute(select(func.count()).select_from(table))).scalar_one())


async def test_forty_at_once_for_one_slot_make_one_order(platform: Platform) -> None:
    await platform.start("catalog", "orders")
    at = tomorrow(10)
    answers = await asyncio.gather(*(book(platform, 11, at) for _ in range(40)))
    assert Counter(status for status, _ in answers) == {201: 1, 409: 39}
    assert {body["code"] for status, body in answers if status == 409} == {"slot_taken"}
    assert await count(platform, order) == 1
    assert await count(platform, slot) == 5, "two hours and the way to the next"
    _, text = await platform.request("orders", "GET", "/metrics")
    assert b"booking_slot_conflicts_total 39.0" in text
    assert b'booking_orders_total{status="held"} 1.0' in text


async def test_overlapping_starts_at_once_never_share_a_half_hour(platform: Platform) -> None:
    await platform.start("catalog", "orders")
    starts = [tomorrow(9, 30 * (i % 2), days=1 + i % 2) for i in range(12)] + [tomorrow(10), tomorrow(10, 30)] * 6
    answers = await asyncio.gather(*(book(platform, 11, at) for at in starts))
    won = [body for status, body in answers if status == 201]
    assert len(won) == 2, "one a day: 9:00 to 10:30 all overlap"
    taken: list[int] = []
    for body in won:
        start = parse_iso(body["starts_at"])
        taken += range(start, start + 150 * 60, 1800)
    assert len(set(taken)) == len(taken) == await count(platform, slot)


async def test_a_repeated_key_gives_the_same_order(platform: Platform) -> None:
    await platform.start("catalog", "orders")
    at = tomorrow(10)
    first = await book(platform, 11, at, key="a")
    again = await asyncio.gather(*(book(platform, 11, at, key="a") for _ in range(4)))
    assert first[0] == 201
    assert {(status, body["id"]) for status, body in again} == {(200, first[1]["id"])}
    assert (await book(platform, 11, at, OTHER, key="a"))[0] == 409, "a key belongs to its user"


async def test_the_event_lies_in_the_outbox_with_the_order(platform: Platform) -> None:
    await platform.start("catalog", "orders")
    _, held = await book(platform, 11, tomorrow(10))
    async with platform.app("orders").state.service.db.read() as c:
        rows = (await c.execute(select(outbox))).all()
    assert [(r.kind, r.target) for r in rows] == [("order.held", "messages")]
    assert f'"order_id":{held["id"]}' in rows[0].payload


async def test_slots_show_what_is_taken(platform: Platform) -> None:
    await platform.start("catalog", "orders")
    at = tomorrow(10)
    await book(platform, 12, at)
    _, page = await platform.request("orders", "GET", f"/api/v1/providers/1/slots?day={at[:10]}")
    taken = [item["starts_at"][11:16] for item in page["items"] if not item["free"]]
    assert taken == ["10:00", "10:30", "11:00"]


async def test_times_that_make_no_sense_are_refused(platform: Platform) -> None:
    await platform.start("catalog", "orders")
    for at in (tomorrow(10, 15), tomorrow(5), tomorrow(21), tomorrow(10, days=-1), tomorrow(10, days=60), "morgen"):
        status, body = await book(platform, 11, at)
        assert (status, body["code"]) == (422, "bad_time"), at
    assert (await book(platform, 9999, tomorrow(10)))[0] == 404
    assert (await book(platform, 11, tomorrow(10), WORKER))[0] == 403


async def test_orders_are_seen_by_their_people_only(platform: Platform) -> None:
    await platform.start("catalog", "orders")
    for hour in (8, 12, 16):
        assert (await book(platform, 11, tomorrow(hour)))[0] == 201
    _, first = await platform.request("orders", "GET", "/api/v1/orders?limit=2", CUSTOMER)
    _, rest = await platform.request("orders", "GET", f"/api/v1/orders?limit=2&cursor={first['next_cursor']}", CUSTOMER)
    assert [len(first["items"]), len(rest["items"]), rest["next_cursor"]] == [2, 1, None]
    number = first["items"][0]["id"]
    seen = [
        (await platform.request("orders", "GET", f"/api/v1/orders/{number}", who))[0]
        for who in (CUSTOMER, OTHER, WORKER)
    ]
    assert seen == [200, 404, 200]
    assert len((await platform.request("orders", "GET", "/api/v1/orders", WORKER))[1]["items"]) == 3
    assert (await platform.request("orders", "GET", "/api/v1/orders?cursor=zzz", CUSTOMER))[0] == 400
