"""Login by phone and code: the real SDK against the sandbox's gateway, on both engines."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from platform_app.kit.times import day_of
from platform_app.kit.tokens import read_token
from platform_app.users.tables import activity, code, outbox, sms_limit
from tests.platform_app.sandbox.homes import change, make_home
from tests.platform_app.sandbox.serving import serving
from tests.platform_app.world import Platform, fill, platform_of

PHONE, WORKER_PHONE = "13900000077", "13800000011"
AUTH = "/api/v1/auth"


async def ask(platform: Platform, phone: str = PHONE) -> tuple[int, Any]:
    return await platform.request("users", "POST", f"{AUTH}/code", json={"phone": phone})


async def login(platform: Platform, digits: str, phone: str = PHONE) -> tuple[int, Any]:
    return await platform.request("users", "POST", f"{AUTH}/login", json={"phone": phone, "code": digits})


async def received(platform: Platform, phone: str = PHONE) -> str:
    """The code on the phone, as its owner reads it."""
    address = platform.folder.config.sandbox.listen
    async with platform._session.get(f"http://{address}/api/phones/{phone}/sms") as answer:
        newest: str = (await answer.json())["messages"][0]["text"]
    return str(re.findall(r"\d{6}", newest)[0])


async def test_a_newcomer_logs_in(platform: Platform) -> None:
    async with serving(platform.folder.config):
        await platform.start("users")
        assert (await ask(platform))[0] == 202
        digits = await received(platform)
        wrong = "000000" if digits != "000000" else "111111"
        assert (await login(platform, wrong))[1]["code"] == "code_wrong"
        status, body = await login(platform, digits)
        assert status == 200
        assert (body["user"]["role"], body["user"]["phone"]) == ("customer", "139****0077")
        who = read_token(platform.folder.config, body["access_token"])
        assert (await platform.request("users", "GET", "/api/v1/me", who))[1]["name"] == "用户0077"
        assert (await login(platform, digits))[1]["code"] == "code_expired", "a code counts once"
        async with platform.app("users").state.service.db.read() as c:
            assert [r.kind for r in (await c.execute(select(outbox))).all()] in ([], ["user.registered"])
            days = (await c.execute(select(activity.c.user_id, activity.c.day))).all()
        assert [tuple(d) for d in days] == [(who.user_id, day_of(int(time.time())))]


async def test_a_provider_gets_his_number(platform: Platform) -> None:
    async with serving(platform.folder.config):
        await platform.start("users", "providers")
        await ask(platform, WORKER_PHONE)
        status, body = await login(platform, await received(platform, WORKER_PHONE), WORKER_PHONE)
        assert (status, body["user"]["provider_id"]) == (200, 1)


async def test_one_phone_gets_few_codes(platform: Platform) -> None:
    change(platform.folder, "users", code_interval_seconds=0, codes_per_day=2)
    async with serving(platform.folder.config):
        await platform.start("users")
        assert (await ask(platform))[0] == 202
        status, body = await ask(platform)
        assert (status, body["code"]) == (429, "code_limit"), "Aliyun itself allows one a minute"
        async with platform.app("users").state.service.db.transaction() as c:
            await c.execute(update(sms_limit).where(sms_limit.c.name == "phone").values(used=2))
        status, body = await ask(platform)
        assert (status, body["detail"]) == (429, "该手机号今日验证码次数已用完")
        assert 86_000 < body["retry_after"] <= 86_400


async def test_asking_again_at_once_has_to_wait(platform: Platform) -> None:
    async with serving(platform.folder.config):
        await platform.start("users")
        await ask(platform)
        status, body = await ask(platform)
        assert (status, body["code"]) == (429, "code_too_soon")
        assert 50 <= body["retry_after"] <= 60


async def test_guessing_is_stopped(platform: Platform) -> None:
    async with serving(platform.folder.config):
        await platform.start("users")
        await ask(platform)
        digits = await received(platform)
        guesses = [f"{(int(digits) + n) % 10**6:06d}" for n in range(1, 7)]
        codes = [(await login(platform, g))[1]["code"] for g in guesses]
        assert codes == ["code_wrong"] * 5 + ["code_locked"]
        assert (await login(platform, digits))[0] == 429, "even the right one"


async def test_an_old_code_has_expired(platform: Platform) -> None:
    async with serving(platform.folder.config):
        await platform.start("users")
        await ask(platform)
        async with platform.app("users").state.service.db.transaction() as c:
            await c.execute(update(code).values(expires_at=int(time.time()) - 1))
        assert (await login(platform, await received(platform)))[1]["code"] == "code_expired"


async def test_without_a_gateway_nobody_waits_long_and_no_code_is_counted(tmp_path: Path, sqlite_url: str) -> None:
    fill(sqlite_url, int(time.time()))
    async with platform_of(make_home(tmp_path, database_url=sqlite_url)) as platform:
        await platform.start("users")
        started = time.monotonic()
        status, body = await ask(platform)
        assert (status, body["code"]) == (502, "sms_failed")
        assert time.monotonic() - started < 5
        assert (await ask(platform))[0] == 502, "and not 429"
        assert b'booking_sms_total{result="failed"} 2.0' in (await platform.request("users", "GET", "/metrics"))[1]


async def test_a_phone_number_must_be_one(sqlite_platform: Platform) -> None:
    await sqlite_platform.start("users")
    assert (await ask(sqlite_platform, "12345"))[0] == 422


async def test_the_edge_reports_who_was_here(platform: Platform) -> None:
    await platform.start("users")
    for _ in range(2):
        status, _ = await platform.internal("users", "POST", "/internal/activity", json={"user_ids": [1, 2]})
        assert status == 204
    async with platform.app("users").state.service.db.read() as c:
        assert len((await c.execute(select(activity))).all()) == 2
    assert (await platform.request("users", "POST", "/internal/activity", json={"user_ids": [3]}))[0] == 401
