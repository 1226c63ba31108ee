"""Calendars by HTTP: who may, what collides, what two writers see."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from platform_app.kit.tokens import Principal
from tests.platform_app.orders.test_free import DAY, book, free
from tests.platform_app.world import CUSTOMER, OPERATOR, WORKER, Platform, tomorrow

STRANGER = Principal(12, "provider", 2)
PATH = "/api/v1/providers/1/calendar"
LEAVE = {"first": DAY, "last": DAY, "reason": "家事"}
CALLS: tuple[tuple[str, str, Any, int], ...] = (
    ("GET", "", None, 200),
    ("PUT", "", {"version": 0}, 200),
    ("POST", "/leave", LEAVE, 201),
    ("DELETE", f"/leave/{DAY}", None, 200),
    ("PUT", f"/days/{DAY}", ["10:00-12:00"], 200),
    ("DELETE", f"/days/{DAY}", None, 200),
)
MATRIX = ((None, 401), (CUSTOMER, 403), (STRANGER, 404), (WORKER, 0), (OPERATOR, 0))
"""Who, and the status that he gets; 0: what the call itself gives."""


async def test_who_may_do_what_with_a_calendar(sqlite_platform: Platform) -> None:
    platform = sqlite_platform
    await platform.start("catalog", "orders")
    for who, refused in MATRIX:
        for method, path, body, good in CALLS:
            if method == "PUT" and not path and not refused:
                version = (await platform.request("orders", "GET", PATH, who))[1]["version"]
                body = {"version": version}
            status, answer = await platform.request("orders", method, PATH + path, who, json=body)
            assert status == (refused or good), (who, method, path, answer)
            assert status < 400 or (answer["code"], bool(answer["detail"])) != ("internal", False)


async def test_who_may_write_prices(sqlite_platform: Platform) -> None:
    platform = sqlite_platform
    await platform.start("catalog")
    body = {"items": [{"name": "空调", "name_en": "unit", "base_fen": 9_000, "minutes": 60}]}
    for who, refused in MATRIX:
        status, _ = await platform.request("catalog", "PUT", "/api/v1/offerings/11/items", who, json=body)
        assert status == (refused or 200), who
        for method, path, given in (("GET", "items", None), ("POST", "quote", {"starts_at": tomorrow(9)})):
            status, _ = await platform.request("catalog", method, f"/api/v1/offerings/11/{path}", who, json=given)
            assert status == 200, "prices are for everybody"
    assert (await platform.request("catalog", "GET", "/api/v1/offerings/11"))[1]["price_fen"] == 9_000
    assert (await platform.request("catalog", "PUT", "/api/v1/offerings/99/items", OPERATOR, json=body))[0] == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        (
            "PUT",
            "",
            {"version": 0, "week": {d: ["06:00-09:30"] for d in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}},
        ),
        ("PUT", "", {"version": 0, "days": {DAY: []}}),
        ("POST", "/leave", LEAVE),
        ("PUT", f"/days/{DAY}", ["10:30-20:00"]),
    ],
)
async def test_a_change_that_pushes_an_order_out_names_it(
    platform: Platform, method: str, path: str, body: Any
) -> None:
    await platform.start("catalog", "orders")
    _, held = await book(platform, tomorrow(10))
    status, answer = await platform.request("orders", method, PATH + path, WORKER, json=body)
    assert (status, answer["code"]) == (409, "calendar_collides")
    assert [o["no"] for o in answer["orders"]] == [held["no"]]
    assert held["no"] in answer["detail"]
    await platform.request("orders", "POST", f"/api/v1/orders/{held['id']}/cancel", CUSTOMER)
    status, answer = await platform.request("orders", method, PATH + path, WORKER, json=body)
    assert status in (200, 201)
    assert tomorrow(10) not in await free(platform)


async def test_leave_and_a_booking_at_once_never_both_win(platform: Platform) -> None:
    await platform.start("catalog", "orders")
    for days in range(1, 9):
        at = tomorrow(10, days=days)
        leave = {"first": at[:10], "last": at[:10]}
        taking = platform.request("orders", "POST", f"{PATH}/leave", WORKER, json=leave)
        (booked, _), (left, _) = await asyncio.gather(book(platform, at), taking)
        assert (booked, left) in ((201, 409), (422, 201)), days


async def test_two_writers_and_what_makes_no_sense(platform: Platform) -> None:
    await platform.start("catalog", "orders")
    answers = await asyncio.gather(
        *(platform.request("orders", "PUT", PATH, WORKER, json={"version": 0}) for _ in range(4))
    )
    assert sorted(status for status, _ in answers) == [200, 409, 409, 409]
    assert {b["code"] for s, b in answers if s == 409} == {"version_conflict"}
    await platform.request("orders", "POST", f"{PATH}/leave", WORKER, json=LEAVE)
    for method, path, body, status, code in (
        ("POST", "/leave", LEAVE, 422, "calendar_invalid"),
        ("PUT", f"/days/{DAY}", ["25:00-26:00"], 422, "calendar_invalid"),
        ("PUT", "/days/9999-99-99", [], 422, "bad_time"),
        ("PUT", "/days/9999-12-31", [], 422, "bad_time"),
        ("DELETE", "/leave/2020-01-01", None, 404, "not_found"),
        ("DELETE", "/days/2020-01-01", None, 404, "not_found"),
        ("PUT", "", {"version": 0, "wek": {}}, 422, "invalid"),
        ("PUT", "", {"version": -1}, 422, "invalid"),
    ):
        found, answer = await platform.request("orders", method, PATH + path, WORKER, json=body)
        assert (found, answer["code"]) == (status, code), (method, path)
    for query in ("day=tomorrow", "day=2026-12-01&offering=99999", "day=2026-12-01&options=1:1:1", "day=0001-01-01"):
        query = query if "offering" in query else f"{query}&offering=12"
        status, _ = await platform.request("orders", "GET", f"/api/v1/providers/1/free?{query}")
        assert status in (404, 422), query
    assert (await platform.request("orders", "GET", "/api/v1/providers/2/free?offering=12&day=2026-12-01"))[0] == 404
