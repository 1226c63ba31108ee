"""Search on both engines: filters, orders, pages."""

from __future__ import annotations

from typing import Any

import pytest

from tests.platform_app.world import CUSTOMER, Platform


async def found(platform: Platform, query: str = "") -> list[Any]:
    status, body = await platform.request("catalog", "GET", f"/api/v1/offerings?{query}")
    assert status == 200
    return list(body["items"])


async def test_filters(platform: Platform) -> None:
    await platform.start("catalog")

    async def ids(query: str) -> list[int]:
        return sorted(item["id"] for item in await found(platform, query))

    assert await ids("") == [11, 12, 21, 22, 31, 32]
    assert await ids("category=2") == [12, 22, 32]
    assert await ids("district=滨江区") == [31, 32]
    assert await ids("min_rating=4.6") == [21, 22, 31, 32]
    assert await ids("max_price_fen=10200") == [11, 21]
    assert await ids("q=空调") == [12, 22, 32]
    assert await ids("q=保洁&provider=2") == [21]
    assert await ids("q=%25") == [], "a percent sign is a percent sign"
    assert await ids("service=1&district=西湖区&max_price_fen=10100") == [11]


@pytest.mark.parametrize(
    ("sort", "first"),
    [("rating", [32, 31, 22]), ("price", [11, 21, 31]), ("-price", [32, 22, 12]), ("newest", [32, 31, 22])],
)
async def test_pages_by_cursor_hold_everything_once(platform: Platform, sort: str, first: list[int]) -> None:
    await platform.start("catalog")
    seen: list[int] = []
    cursor = ""
    while True:
        _, body = await platform.request("catalog", "GET", f"/api/v1/offerings?sort={sort}&limit=2&cursor={cursor}")
        seen += [item["id"] for item in body["items"]]
        cursor = body["next_cursor"]
        if cursor is None:
            break
    assert seen[:3] == first
    assert sorted(seen) == [11, 12, 21, 22, 31, 32]


async def test_categories_services_and_one_offering(sqlite_platform: Platform) -> None:
    platform = sqlite_platform
    await platform.start("catalog")
    _, body = await platform.request("catalog", "GET", "/api/v1/categories")
    assert [c["name"] for c in body["items"]] == ["日常保洁", "家电清洗"]
    _, body = await platform.request("catalog", "GET", "/api/v1/services?category=2")
    assert [s["duration_minutes"] for s in body["items"]] == [60]
    _, one = await platform.request("catalog", "GET", "/api/v1/offerings/31")
    assert (one["provider_name"], one["rating"], one["price_fen"]) == ("王3阿姨", 4.9, 10300)
    assert (await platform.request("catalog", "GET", "/api/v1/offerings/99"))[0] == 404
    assert (await platform.request("catalog", "GET", "/internal/offerings/31", CUSTOMER))[0] == 401
    status, inside = await platform.internal("catalog", "GET", "/internal/offerings/31")
    assert (status, inside["provider_user_id"], inside["active"]) == (200, 13, True)
    for wrong in ("limit=0", "min_rating=9", "sort=best", "cursor=x"):
        assert (await platform.request("catalog", "GET", f"/api/v1/offerings?{wrong}"))[0] in (400, 422), wrong
