"""Lists: by free time, by index, whole though rows come meanwhile, and cached."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text

from platform_app.catalog.search import Wish, search
from platform_app.catalog.tables import item, offering, option, rules
from tests.platform_app.catalog.test_search import found
from tests.platform_app.orders.test_free import book
from tests.platform_app.world import OPERATOR, WORKER, Platform, tomorrow

DAY = tomorrow(10)[:10]


def row(number: int, **more: Any) -> dict[str, Any]:
    """An offering that is somebody's."""
    known = {"service_id": 1 + number % 2, "category_id": 1 + number % 2, "provider_id": 1 + number % 3}
    known |= {"provider_user_id": 11, "provider_name": f"李{number}阿姨", "price_fen": 9_000 + number % 50 * 100}
    known |= {"district": ("西湖区", "滨江区", "上城区")[number % 3], "rating_x100": 400 + number % 90}
    return {"id": 1_000 + number, **known, "active": True, "created_at": 1_700_000_000 + number, **more}


async def add(platform: Platform, rows: list[dict[str, Any]]) -> None:
    async with platform.app("catalog").state.service.db.transaction() as c:
        await c.execute(insert(offering), rows)


async def test_by_free_time(platform: Platform) -> None:
    await platform.start("catalog", "orders")
    for number in (11, 12):  # provider 1 is busy from 9 to 14, 2 is on leave, 3 has time
        at = tomorrow(9 if number == 11 else 12)
        assert (await book(platform, at, OPERATOR, offering_id=number))[0] == 201
    leave = {"first": DAY, "last": DAY}
    await platform.request("orders", "POST", "/api/v1/providers/2/calendar/leave", OPERATOR, json=leave)
    morning = await found(platform, f"free_day={DAY}&free_from=10:00&free_to=11:00")
    assert sorted(i["id"] for i in morning) == [31, 32]
    assert {i["free_from"] for i in morning} == {tomorrow(10)}
    assert sorted(i["id"] for i in await found(platform, f"free_day={DAY}&free_from=14:00")) == [11, 12, 31, 32]
    assert await found(platform, f"free_day={DAY}&free_from=21:30") == [], "nothing fits before the end of the day"
    for wrong in ("free_day=someday", f"free_day={DAY}&free_from=11:00&free_to=10:00", f"free_day={DAY}&free_to=9"):
        assert (await platform.request("catalog", "GET", f"/api/v1/offerings?{wrong}"))[0] == 422, wrong


async def test_pages_by_free_time_hold_everybody_who_has_some(platform: Platform) -> None:
    await platform.start("catalog", "orders")
    await add(platform, [row(n) for n in range(60)])
    leave = {"first": DAY, "last": DAY}
    await platform.request("orders", "POST", "/api/v1/providers/2/calendar/leave", OPERATOR, json=leave)
    away = await pages(platform, "limit=50&provider=2")
    assert len(away) == 22
    assert await pages(platform, f"free_day={DAY}&limit=4") == await pages(platform, "limit=50") - away


async def pages(platform: Platform, query: str) -> set[int]:
    """The ids of all pages; fails when one comes twice."""
    seen: list[int] = []
    cursor = ""
    while True:
        _, body = await platform.request("catalog", "GET", f"/api/v1/offerings?{query}&cursor={cursor}")
        seen += [each["id"] for each in body["items"]]
        cursor = body["next_cursor"]
        if cursor is None:
            assert len(set(seen)) == len(seen)
            return set(seen)


@pytest.mark.parametrize("sort", ["rating", "price", "-price", "newest"])
async def test_rows_that_come_meanwhile_move_nothing(platform: Platform, sort: str) -> None:
    await platform.start("catalog")
    await add(platform, [row(n) for n in range(40)])
    old = await pages(platform, "limit=100")

    async def more() -> None:
        for n in range(100, 160):
            await add(platform, [row(n)])

    coming = asyncio.create_task(more())
    seen = await pages(platform, f"limit=3&sort={sort}")
    await coming
    assert old <= seen


async def test_every_list_uses_an_index(mariadb_url: str, platform: Platform) -> None:
    if platform.folder.config.database_url != mariadb_url:
        return
    await platform.start("catalog")
    for start in range(0, 6_000, 2_000):
        await add(platform, [row(n) for n in range(start, start + 2_000)])
    wishes = [
        Wish(**more, sort=sort, cursor=cursor)
        for more in (
            {}, {"category": 1}, {"service": 1}, {"provider": 2}, {"district": "西湖区"}, {"min_rating": 4.8},
            {"max_price_fen": 9_500}, {"q": "阿姨"}, {"q": "空调", "named": (2,)}, {"category": 1, "district": "西湖区"},
        )
        for sort in ("rating", "price", "-price", "newest")
        for cursor in ("", "WzQ1MCwxMTAwXQ")
    ]  # fmt: skip
    others = (
        select(item).where(item.c.offering_id == 7).order_by(item.c.position),
        select(option).where(option.c.offering_id == 7).order_by(option.c.position),
        select(rules).where(rules.c.offering_id == 7),
    )
    async with platform.app("catalog").state.service.db.transaction() as c:
        await c.execute(text("ANALYZE TABLE catalog_offering"))
        for query in (*(search(wish) for wish in wishes), *others):
            words = str(query.compile(c.sync_connection, compile_kwargs={"literal_binds": True}))
            plan = (await c.execute(text(f"EXPLAIN {words}".replace(":", "\\:")))).mappings().all()
            for step in plan:
                small = step["table"] in ("catalog_service", "catalog_category")  # some tens of rows in all
                absent = step["table"] is None  # the table is empty, MariaDB knows without reading
                assert step["key"] is not None or small or absent, (words, plan)


async def test_a_change_is_seen_at_once_and_many_who_ask_cause_one_query(sqlite_platform: Platform) -> None:
    platform = sqlite_platform
    await platform.start("catalog")
    await asyncio.gather(*(found(platform, "sort=price") for _ in range(30)))
    _, text_ = await platform.request("catalog", "GET", "/metrics")
    assert b'platform_cache_requests_total{cache="lists",outcome="miss"} 1.0' in text_
    body = {"items": [{"name": "特价", "name_en": "cheap", "base_fen": 5_000, "minutes": 60}]}
    assert (await platform.request("catalog", "PUT", "/api/v1/offerings/11/items", WORKER, json=body))[0] == 200
    assert (await found(platform, "sort=price"))[0]["price_fen"] == 5_000
    assert (await platform.request("catalog", "GET", "/api/v1/offerings/11/items"))[1]["items"][0]["name"] == "特价"


async def test_offers_that_contradict_themselves_are_refused(sqlite_platform: Platform) -> None:
    platform = sqlite_platform
    await platform.start("catalog")
    good = {"name": "空调", "name_en": "unit", "base_fen": 9_000, "minutes": 60}
    for wrong, code in (
        ({"items": []}, "invalid"),
        ({"items": [{**good, "base_fen": -1}]}, "invalid"),
        ({"items": [{**good, "included": 3, "most": 2}]}, "offer_invalid"),
        ({"items": [good, good]}, "offer_invalid"),
        ({"items": [good], "rules": {"weekend_bp": 1}}, "invalid"),
        ({"items": [good], "rules": {"districts": {"西湖区": -5}}}, "invalid"),
    ):
        status, body = await platform.request("catalog", "PUT", "/api/v1/offerings/11/items", WORKER, json=wrong)
        assert (status, body["code"]) == (422, code), wrong
    for wrong, code in (
        ({"starts_at": "morgen"}, "bad_time"),
        ({"starts_at": "9999-12-31T23:59"}, "bad_time"),
        ({"starts_at": DAY, "item_id": 5}, "no_such_item"),
        ({"starts_at": DAY, "units": 2}, "bad_quantity"),
        ({"starts_at": DAY, "options": [{"id": 1}]}, "no_such_option"),
        ({"starts_at": DAY, "price": 1}, "invalid"),
    ):
        status, body = await platform.request("catalog", "POST", "/api/v1/offerings/11/quote", json=wrong)
        assert (status, body["code"]) == (422, code), wrong
    async with platform.app("catalog").state.service.db.read() as c:
        assert (await c.execute(select(func.count()).select_from(item))).scalar_one() == 0, "nothing half written"
