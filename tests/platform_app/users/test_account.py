"""Names, phones, the end of an account, the copy of one's data."""

from __future__ import annotations

import time

import orjson
from sqlalchemy import func, select

from platform_app.users import account, codes
from platform_app.users.tables import address, idempotency, outbox, retained
from tests.platform_app.users.support import Whole, call, db_of, log_in, renew, row_of
from tests.platform_app.users.test_addresses import HOME
from tests.platform_app.world import Platform

NEW = "13700000001"


async def given_code(platform: Platform, phone: str, purpose: str, digits: str = "123456") -> None:
    """A code as if it had been sent."""
    config = platform.folder.config
    key = (platform.folder.path.parent / "secrets" / "jwt_secret").read_text().strip()
    async with db_of(platform).transaction() as c:
        kept = codes.hashed(phone, digits, key, purpose)
        await codes.keep(c, phone, kept, config.users, int(time.time()), purpose)


async def move(platform: Platform, login: object, digits: str = "123456", **headers: str) -> Whole:
    body = {"phone": NEW, "code": digits}
    return await call(platform, "PUT", "/me/phone", login, json=body, headers=headers)  # type: ignore[arg-type]


async def test_a_name_changes_by_its_version(platform: Platform) -> None:
    await platform.start("users")
    me = await log_in(platform)
    assert (await call(platform, "GET", "/me", me)).headers["ETag"] == '"1"'
    assert (await call(platform, "PATCH", "/me", me, json={"name": "王芳"})).status == 428
    changed = await call(platform, "PATCH", "/me", me, json={"name": "  王芳 ", "version": 1})
    assert (changed.status, changed.body["name"], changed.body["version"]) == (200, "王芳", 2)
    assert (await call(platform, "PATCH", "/me", me, json={"name": "李", "version": 1})).status == 409
    assert (await call(platform, "PATCH", "/me", me, json={"name": "", "version": 2})).status == 422


async def test_a_phone_changes_by_a_code_to_the_new_one(platform: Platform) -> None:
    await platform.start("users")
    me = await log_in(platform)
    await given_code(platform, NEW, "login")
    assert (await move(platform, me)).code == "code_expired", "a login code is for logging in"
    await given_code(platform, NEW, "phone:2")
    assert (await move(platform, me)).code == "code_expired", "somebody else's code"
    await given_code(platform, NEW, "phone:1")
    wrong = [(await move(platform, me, "000000", **{"Idempotency-Key": "k1"})).code for _ in range(6)]
    assert wrong == ["code_wrong"] * 5 + ["code_locked"], "tries count, also under a key"
    await given_code(platform, NEW, "phone:1")
    moved = await move(platform, me, **{"Idempotency-Key": "k2"})
    assert (moved.status, moved.body["phone"]) == (200, "137****0001")
    again = await move(platform, me, **{"Idempotency-Key": "k2"})
    assert (again.status, again.headers["Idempotency-Replayed"]) == (200, "true"), "the answer was lost"
    assert (await row_of(platform, 1)).phone == NEW


async def test_a_phone_of_somebody_else_cannot_be_taken(platform: Platform) -> None:
    await platform.start("users")
    me, other = await log_in(platform), await log_in(platform, 2)
    for user_id in (1, 2):
        await given_code(platform, NEW, f"phone:{user_id}")
    assert (await move(platform, other)).status == 200
    refused = await move(platform, me)
    assert (refused.status, refused.code) == (409, "phone_taken")


async def test_a_deleted_account_is_gone_but_for_what_must_be_kept(platform: Platform) -> None:
    await platform.start("users")
    me, tablet = await log_in(platform), await log_in(platform)
    phone = (await row_of(platform, 1)).phone
    await call(platform, "POST", "/me/addresses", me, json=HOME, headers={"Idempotency-Key": "a"})
    await given_code(platform, phone, "delete:1")
    assert (await call(platform, "POST", "/me/deletion", me, json={"code": "000000"})).code == "code_wrong"
    assert (await call(platform, "POST", "/me/deletion", me, json={"code": "123456"})).status == 204
    for login in (me, tablet):
        assert (await call(platform, "GET", "/me", login)).status == 401
        assert (await renew(platform, login.refresh_token)).status == 401
    row = await row_of(platform, 1)
    assert (row.phone, row.name, row.role) == ("deleted:1", "已注销用户", "customer")
    key = (platform.folder.path.parent / "secrets" / "jwt_secret").read_text().strip()
    async with db_of(platform).read() as c:
        for table in (address, idempotency):
            assert (await c.execute(select(func.count()).select_from(table))).scalar_one() == 0
        kept = (await c.execute(select(retained))).one()
        kinds = {r.kind for r in await c.execute(select(outbox.c.kind))}
    assert kept.phone_hash == account.phone_hash(phone, key)
    assert phone not in str(kept)
    assert "user.deleted" in kinds
    await given_code(platform, phone, "login")
    anew = await call(platform, "POST", "/auth/login", json={"phone": phone, "code": "123456"})
    assert anew.body["user"]["id"] != 1, "who comes back is somebody new"


async def test_the_copy_of_ones_data_is_whole(platform: Platform) -> None:
    await platform.start("users")
    me = await log_in(platform)
    await call(platform, "POST", "/me/addresses", me, json=HOME)
    copy = await call(platform, "GET", "/me/export", me)
    assert "attachment" in copy.headers["Content-Disposition"]
    assert copy.headers["Cache-Control"] == "no-store"
    assert copy.body["profile"]["phone"] == "13800000001"
    assert copy.body["addresses"][0]["street"] == HOME["street"]
    assert [d["id"] for d in copy.body["devices"]] == [me.who.session_id]
    assert b"hash" not in orjson.dumps(copy.body)


async def test_a_login_tells_its_tokens_and_keeps_the_old_keys(platform: Platform) -> None:
    await platform.start("users")
    await given_code(platform, "13800000002", "login")
    wish = {"phone": "13800000002", "code": "123456", "device_name": "我的手机", "app": "anxin/1.0"}
    headers = {"X-Device-Id": "device-0001", "User-Agent": "okhttp/4"}
    answer = await call(platform, "POST", "/auth/login", json=wish, headers=headers)
    assert {"access_token", "token_type", "expires_in", "user"} <= set(answer.body)
    assert (await renew(platform, answer.body["refresh_token"])).status == 200
    shown = (await call(platform, "GET", "/me/devices", answer.body["access_token"])).body["items"]
    assert [(d["id"], d["name"], d["app"], d["user_agent"]) for d in shown] == [
        (answer.body["device_id"], "我的手机", "anxin/1.0", "okhttp/4")
    ]
