"""Free starts on both engines: each one shown can be booked, no other can, whoever else books meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from random import Random
from typing import Any

from sqlalchemy import Engine, event, insert, select, text

from platform_app.kit.times import iso, midnight
from platform_app.orders.availability import LOCKED, many
from platform_app.orders.tables import calendar, order, slot
from tests.platform_app.orders.test_booking import count
from tests.platform_app.orders.test_life import pay, run_out
from tests.platform_app.world import CUSTOMER, OPERATOR, OTHER, WORKER, Platform, tomorrow

WEST, EAST = {"lat": 30.2594, "lng": 120.1303}, {"lat": 30.3228, "lng": 120.4938}
DAY = tomorrow(10)[:10]


async def book(platform: Platform, at: str, who: Any = CUSTOMER, **more: Any) -> tuple[int, Any]:
    body = {"offering_id": 12, "starts_at": at, "address": "杭州市西湖区文三路 1 号", **more}
    return await platform.request("orders", "POST", "/api/v1/orders", who, json=body)


async def free(platform: Platform, **more: Any) -> list[str]:
    query = "&".join(f"{k}={v}" for k, v in {"offering": 12, "day": DAY, **more}.items())
    status, body = await platform.request("orders", "GET", f"/api/v1/providers/1/free?{query}")
    assert status == 200, body
    return [item["starts_at"] for item in body["items"]]


async def test_every_start_shown_can_be_booked_and_no_other(platform: Platform) -> None:
    await platform.start("catalog", "orders")
    body = {"version": 0, "breaks": {d: ["12:00-13:00"] for d in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}}
    assert (await platform.request("orders", "PUT", "/api/v1/providers/1/calendar", WORKER, json=body))[0] == 200
    chance = Random(4)
    for _ in range(4):
        await book(platform, tomorrow(chance.randrange(8, 20)), OPERATOR, **chance.choice((WEST, EAST)))
    where = {"lat": 30.2594, "lng": 120.1303}
    zero = midnight(DAY)
    assert await free(platform, **where) != await free(platform, **EAST)
    for _ in range(6):
        shown = await free(platform, **where)
        every = [str(iso(zero + n * 1800)) for n in range(48)]
        for at in chance.sample([at for at in every if at not in shown], 8):
            status, answer = await book(platform, at, **where)
            assert (status, answer["code"]) in ((409, "slot_taken"), (409, "slot_too_near"), (422, "bad_time")), at
        if not shown:
            break
        assert (await book(platform, chance.choice(shown), **where))[0] == 201


async def test_the_way_is_kept_between_two_who_book_at_once(platform: Platform) -> None:
    """Their half hours are apart; the way is over an hour. A primary key cannot see that."""
    await platform.start("catalog", "orders")
    for days in range(1, 7):
        pair = (book(platform, tomorrow(10, days=days), **WEST), book(platform, tomorrow(11, 30, days=days), **EAST))
        answers = await asyncio.gather(*pair)
        assert Counter(status for status, _ in answers) == {201: 1, 409: 1}
        assert {b["code"] for s, b in answers if s == 409} == {"slot_too_near"}
    _, metrics = await platform.request("orders", "GET", "/metrics")
    assert b'platform_slot_conflicts_total{reason="too_near"} 6.0' in metrics


async def test_many_at_once_on_one_provider_get_nothing_but_201_and_409(platform: Platform) -> None:
    await platform.start("catalog", "orders")
    wishes = [(tomorrow(8 + n % 12, days=1 + n % 2), (WEST, EAST)[n % 2]) for n in range(48)]
    answers = await asyncio.gather(*(book(platform, at, **where) for at, where in wishes))
    assert set(Counter(status for status, _ in answers)) == {201, 409}
    async with platform.app("orders").state.service.db.read() as c:
        rows = (await c.execute(select(order).order_by(order.c.starts_at))).all()
    for a, b in pairwise(rows):
        gap = b.starts_at - a.ends_at
        assert gap >= (1800 if a.lat_e6 == b.lat_e6 else 7200), "same place: half an hour; across the city: two"


async def test_notice_days_ahead_and_what_an_operator_may(platform: Platform) -> None:
    await platform.start("catalog", "orders")
    await book(platform, tomorrow(10), **WEST)
    status, answer = await book(platform, tomorrow(11, 30), **EAST)
    assert (status, answer["code"]) == (409, "slot_too_near")
    assert (await book(platform, tomorrow(11, 30), OPERATOR, **EAST))[0] == 201
    assert (await book(platform, tomorrow(6), OPERATOR))[0] == 201
    assert (await book(platform, tomorrow(10), OPERATOR))[0] == 409, "taken is taken"
    assert (await book(platform, tomorrow(10, 15, 2), OPERATOR))[0] == 422
    soon = (int(time.time()) // 1800 + 1) * 1800
    assert (await book(platform, str(iso(soon))))[1]["code"] == "bad_time"


async def test_a_hold_counts_until_it_runs_out(platform: Platform) -> None:
    await platform.start("catalog", "orders")
    _, held = await book(platform, tomorrow(10))
    assert tomorrow(10) not in await free(platform)
    await run_out(platform, held)
    assert tomorrow(10) in await free(platform)


async def test_a_late_payment_does_not_revive_what_leave_has_taken(platform: Platform) -> None:
    await platform.start("catalog", "orders")
    _, held = await book(platform, tomorrow(10))
    await run_out(platform, held)
    leave = {"first": DAY, "last": DAY}
    assert (await platform.request("orders", "POST", "/api/v1/providers/1/calendar/leave", WORKER, json=leave))[
        0
    ] == 201
    assert await free(platform) == []
    assert await pay(platform, held) == "refunding"


async def test_items_options_and_the_quote_reach_the_order(platform: Platform) -> None:
    await platform.start("catalog", "orders")
    offer = {
        "items": [{"name": "空调", "name_en": "unit", "base_fen": 9_000, "minutes": 60, "unit": "台", "most": 4}],
        "options": [{"name": "除菌", "name_en": "steam", "price_fen": 3_000, "minutes": 20, "most": 2}],
        "rules": {"districts": {"余杭区": 1_000}},
    }
    offer["items"][0] |= {"unit_fen": 7_000, "unit_minutes": 40}  # type: ignore[index]
    status, written = await platform.request("catalog", "PUT", "/api/v1/offerings/12/items", WORKER, json=offer)
    assert status == 200, written
    picked = {"units": 3, "options": [{"id": written["options"][0]["id"], "count": 2}], "district": "余杭区"}
    body = {**picked, "starts_at": tomorrow(10)}
    _, quoted = await platform.request("catalog", "POST", "/api/v1/offerings/12/quote", json=body)
    assert [line["fen"] for line in quoted["lines"]] == [9_000, 14_000, 6_000, 1_000]
    assert (quoted["total_fen"], quoted["minutes"]) == (30_000, 180)
    status, refused = await book(platform, tomorrow(10), expected_fen=29_999, **picked)
    assert (status, refused["code"], refused["total_fen"]) == (409, "price_changed", 30_000)
    status, held = await book(platform, tomorrow(10), expected_fen=30_000, **picked)
    assert (status, held["amount_fen"], held["district"]) == (201, 30_000, "余杭区")
    assert await count(platform, slot) == 7, "three hours and the way"
    _, seen = await platform.request("orders", "GET", f"/api/v1/orders/{held['id']}", CUSTOMER)
    assert seen["quote"]["lines"] == quoted["lines"]
    starts = await free(platform, units=3, options=f"{written['options'][0]['id']}:2", district="余杭区")
    assert tomorrow(13, 30) in starts
    assert tomorrow(19, 30) not in starts, "three hours from half past seven are too long for the day"


async def test_a_booking_is_four_statements(platform: Platform) -> None:
    await platform.start("catalog", "orders")
    await book(platform, tomorrow(8))
    with statements() as seen:
        assert (await book(platform, tomorrow(14), OTHER))[0] == 201
    own = [s for s in seen if s.startswith(("INSERT INTO orders", "SELECT orders_calendar", "UPDATE orders"))]
    assert [" ".join(s.split()[:3]) for s in own][:2] == [
        "SELECT orders_calendar.version, orders_slot.slot_at,",
        "INSERT INTO orders_order",
    ]
    assert len(own) == 4


@contextmanager
def statements() -> Iterator[list[str]]:
    """Every statement that this process sends to a database."""
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_the_reads_use_the_primary_keys(mariadb_url: str, platform: Platform) -> None:
    if platform.folder.config.database_url != mariadb_url:
        return
    await platform.start("orders")
    async with platform.app("orders").state.service.db.transaction() as c:
        rows = [{"provider_id": p, "slot_at": s * 1800, "order_id": p} for p in range(60) for s in range(60)]
        await c.execute(insert(slot), rows)
        await c.execute(
            insert(calendar), [{"provider_id": p, "version": 0, "document": "{}", "updated_at": 1} for p in range(60)]
        )
        await c.execute(text("ANALYZE TABLE orders_slot, orders_calendar"))
        locked = str(LOCKED.compile(c.sync_connection, compile_kwargs={"literal_binds": False}))
        for query, values in (
            (locked.replace("%s", "{}").format(7200, 90_000, 7), ()),
            (str(many(7200, 90_000, [3, 4, 5]).compile(c.sync_connection, compile_kwargs={"literal_binds": True})), ()),
        ):
            plan = (await c.execute(text(f"EXPLAIN {query}"), values)).mappings().all()
            assert all(row["key"] == "PRIMARY" for row in plan), plan
            assert sum(int(row["rows"]) for row in plan) < 400, plan
