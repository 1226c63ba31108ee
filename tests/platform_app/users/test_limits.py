"""Limits of codes: by phone, device, address, day; exact when many ask at once; the same for known and unknown phones."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from platform_app.kit.config import Users
from platform_app.kit.db import Db
from platform_app.kit.problem import Problem
from platform_app.users.limits import DAY, Limit, Refused, Used, admit, give_back, limits_of, network, take
from tests.platform_app.sandbox.homes import change
from tests.platform_app.sandbox.serving import serving
from tests.platform_app.users.support import Whole, call, figure
from tests.platform_app.world import Platform

NOW = 1_800_000_000


async def ask(platform: Platform, phone: str, device: str = "", address: str = "") -> Whole:
    headers = {k: v for k, v in (("X-Device-Id", device), ("X-Forwarded-For", address)) if v}
    return await call(platform, "POST", "/auth/code", json={"phone": phone}, headers=headers)


@pytest.mark.parametrize(
    ("rule", "code", "limit"),
    [
        ("codes_per_device_per_day", "code_device_limit", "device"),
        ("codes_per_address_per_hour", "code_address_limit", "address"),
        ("codes_in_all_per_day", "code_day_limit", "day"),
    ],
)
async def test_each_limit_has_its_own_answer(platform: Platform, rule: str, code: str, limit: str) -> None:
    change(platform.folder, "users", **{rule: 2})
    async with serving(platform.folder.config):
        await platform.start("users")
        for number in range(2):
            assert (await ask(platform, f"1390000000{number}", "device-0001", "10.1.1.1")).status == 202
        refused = await ask(platform, "13900000009", "device-0001", "10.1.1.1")
        assert (refused.status, refused.code) == (429, code)
        assert int(refused.headers["Retry-After"]) == refused.body["retry_after"] > 3_000
        assert await figure(platform, f'platform_sms_refused_total{{limit="{limit}"}}') == 1
        elsewhere = await ask(platform, "13900000009", "device-0002", "10.1.1.2")
        assert elsewhere.status == (429 if limit == "day" else 202), "who was refused does not count"


async def test_known_and_unknown_phones_get_the_same_answers(platform: Platform) -> None:
    async with serving(platform.folder.config):
        await platform.start("users")
        known, unknown = "13800000001", "13900000999"
        answers = [(await ask(platform, p), await ask(platform, p)) for p in (known, unknown)]
        shapes = [[(a.status, sorted(a.body), a.body.get("code")) for a in pair] for pair in answers]
        assert shapes[0] == shapes[1]
        tries = [
            await call(platform, "POST", "/auth/login", json={"phone": p, "code": "000000"}) for p in (known, unknown)
        ]
        assert tries[0].status == tries[1].status == 401
        assert {**tries[0].body, "trace_id": ""} == {**tries[1].body, "trace_id": ""}


async def test_many_at_once_get_no_more_than_the_limit(database_url: str) -> None:
    db, limit = Db(database_url), Limit("phone", "k", 5, DAY)

    async def one() -> bool:
        try:
            async with db.transaction() as c:
                await admit(c, (limit,), NOW)
        except Problem:
            return False
        return True

    granted = [await asyncio.gather(*(one() for _ in range(5))) for _ in range(5)]
    await db.close()
    assert sum(sum(batch) for batch in granted) == 5


async def test_a_code_that_was_not_sent_is_given_back(database_url: str) -> None:
    db, limit = Db(database_url), Limit("phone", "k", 1, DAY, 60)
    for _ in range(3):
        async with db.transaction() as c:
            await admit(c, (limit,), NOW)
            await give_back(c, (limit,))
    async with db.transaction() as c:
        await admit(c, (limit,), NOW)
    with pytest.raises(Refused):
        async with db.transaction() as c:
            await admit(c, (limit,), NOW + 61)
    await db.close()


def test_a_window_begins_with_its_first_code() -> None:
    limit = Limit("phone", "k", 2, DAY, 60)
    one = take(limit, Used(), NOW)
    assert one == Used(NOW, 1, NOW)
    with pytest.raises(Refused) as soon:
        take(limit, one, NOW + 18)
    assert (soon.value.limit, soon.value.headers["Retry-After"]) == ("interval", "42")
    two = take(limit, one, NOW + 60)
    with pytest.raises(Refused) as spent:
        take(limit, two, NOW + DAY - 100)
    assert (spent.value.limit, spent.value.extra["retry_after"]) == ("phone", 100)
    assert take(limit, two, NOW + DAY) == Used(NOW + DAY, 1, NOW + DAY)


def test_addresses_count_by_network_and_no_limit_is_none() -> None:
    assert network("2001:db8:1:2:3::4") == network("2001:db8:1:2::9") != network("2001:db8:1:3::9")
    assert network("10.0.0.1") == "10.0.0.1"
    assert network("unix") == ""
    free = Users(codes_per_device_per_day=0, codes_per_address_per_hour=0, codes_in_all_per_day=0)
    assert [x.name for x in limits_of(free, "1", "d", "10.0.0.1", "k")] == ["phone"]
    assert [x.name for x in limits_of(Users(), "1", "", "", "k")] == ["phone", "day"]
    keys = {x.key for x in limits_of(Users(), "13900000001", "dev", "10.0.0.1", "k")}
    assert len(keys) == 4
    assert all(len(key) == 64 for key in keys), "nothing readable is kept"


@pytest.mark.parametrize("device", ["x", "a b c d e f", "../../../../etc", "é" * 9, "a" * 65])
async def test_a_device_id_must_look_like_one(sqlite_platform: Platform, device: Any) -> None:
    await sqlite_platform.start("users")
    answer = await ask(sqlite_platform, "13900000001", device)
    assert (answer.status, answer.body["errors"][0]["field"]) == (422, "header.x-device-id")
