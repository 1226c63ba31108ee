"""Logins: renewed, ended one by one and all at once, on both engines."""

from __future__ import annotations

import asyncio
import time

from platform_app.kit.tokens import Principal, issue, read_token
from platform_app.users import refresh
from tests.platform_app.sandbox.homes import change
from tests.platform_app.users.support import age, call, figure, log_in, renew
from tests.platform_app.world import Platform, eventually


async def test_a_refresh_token_counts_once_and_gives_new_ones(platform: Platform) -> None:
    await platform.start("users")
    login = await log_in(platform)
    first = await renew(platform, login.refresh_token)
    assert first.status == 200
    assert first.body["expires_in"] == 900
    assert first.body["device_id"] == login.who.session_id
    assert first.body["refresh_token"] != login.refresh_token
    assert read_token(platform.folder.config, first.body["access_token"]) == login.who
    second = await renew(platform, first.body["refresh_token"])
    assert second.status == 200
    assert (await call(platform, "GET", "/me", second.body["access_token"])).status == 200


async def test_a_lost_answer_is_given_again_and_the_family_does_not_fork(platform: Platform) -> None:
    await platform.start("users")
    login = await log_in(platform)
    once, twice = await renew(platform, login.refresh_token), await renew(platform, login.refresh_token)
    assert (once.status, twice.status) == (200, 200)
    assert once.body["refresh_token"] == twice.body["refresh_token"]
    assert (await renew(platform, once.body["refresh_token"])).status == 200


async def test_two_at_the_same_moment_get_the_same_token(platform: Platform) -> None:
    await platform.start("users")
    login = await log_in(platform)
    answers = await asyncio.gather(*(renew(platform, login.refresh_token) for _ in range(6)))
    assert {a.status for a in answers} == {200}
    assert len({a.body["refresh_token"] for a in answers}) == 1
    assert await figure(platform, "platform_token_reuse_total") == 0


async def test_a_used_token_that_comes_again_ends_the_login(platform: Platform) -> None:
    await platform.start("users")
    login, other = await log_in(platform), await log_in(platform)
    new = await renew(platform, login.refresh_token)
    await age(platform, login.who.session_id, 31)
    assert (await renew(platform, login.refresh_token)).status == 401
    assert (await renew(platform, new.body["refresh_token"])).status == 401, "the thief and the owner are both out"
    assert (await call(platform, "GET", "/me", new.body["access_token"])).status == 401
    assert (await call(platform, "GET", "/me", other)).status == 200, "other devices stay"
    assert await figure(platform, "platform_token_reuse_total") == 1
    assert await figure(platform, 'platform_logins_total{outcome="reused"}') == 1


async def test_an_invented_token_ends_nobodys_login(platform: Platform) -> None:
    await platform.start("users")
    login = await log_in(platform)
    forged = refresh.first(login.who.session_id, "another key")
    for token in (forged, "x", "用户", login.refresh_token[:-2] + "AA", "A" * 72, "A" * 200):
        assert (await renew(platform, token)).status == 401
    assert (await renew(platform, "A" * 201)).status == 422
    assert (await renew(platform, login.refresh_token)).status == 200
    assert await figure(platform, "platform_token_reuse_total") == 0


async def test_logging_out_ends_this_device_only(platform: Platform) -> None:
    await platform.start("users")
    phone, tablet = await log_in(platform), await log_in(platform)
    assert (await call(platform, "POST", "/auth/logout", phone)).status == 204
    assert (await call(platform, "GET", "/me", phone)).status == 401
    assert (await renew(platform, phone.refresh_token)).status == 401
    assert (await call(platform, "GET", "/me", tablet)).status == 200


async def test_logging_out_everywhere_ends_all_and_a_new_login_counts(platform: Platform) -> None:
    await platform.start("users")
    logins = [await log_in(platform) for _ in range(3)]
    old = issue(platform.folder.config, Principal(1, "customer"), int(time.time()))
    assert (await call(platform, "GET", "/me", old)).status == 200, "a token of before there were devices"
    assert (await call(platform, "POST", "/auth/logout-everywhere", logins[0])).status == 204
    for login in logins:
        assert (await call(platform, "GET", "/me", login)).status == 401
        assert (await renew(platform, login.refresh_token)).status == 401
    assert (await call(platform, "GET", "/me", old)).status == 401
    assert (await call(platform, "GET", "/me", await log_in(platform))).status == 200


async def test_the_edge_refuses_revoked_tokens_for_all_services_within_seconds(platform: Platform) -> None:
    await platform.start("users", "messages", "edge")
    phone, tablet, other = await log_in(platform), await log_in(platform), await log_in(platform, 2)
    for login in (phone, tablet, other):
        assert (await call(platform, "GET", "/messages", login, at="edge")).status == 200
    await call(platform, "POST", "/auth/logout", phone, at="edge")

    async def refused(login: object) -> bool:
        return (await call(platform, "GET", "/messages", login, at="edge")).status == 401  # type: ignore[arg-type]

    await eventually(lambda: refused(phone), 5)
    assert not await refused(tablet)
    await call(platform, "POST", "/auth/logout-everywhere", tablet, at="edge")
    await eventually(lambda: refused(tablet), 5)
    assert not await refused(other)
    renewed = await call(
        platform, "POST", "/auth/refresh", tablet, at="edge", json={"refresh_token": other.refresh_token}
    )
    assert renewed.status == 200, "a dead token sent along does not stand in the way"
    text = (await platform.request("edge", "GET", "/metrics"))[1].decode()
    assert "edge_revoked_tokens_total 0.0" not in text


async def test_an_edge_that_starts_later_knows_what_was_revoked_before(platform: Platform) -> None:
    await platform.start("users", "messages")
    login = await log_in(platform)
    await call(platform, "POST", "/auth/logout", login)
    await platform.start("edge")

    async def refused() -> bool:
        return (await call(platform, "GET", "/messages", login, at="edge")).status == 401

    await eventually(refused, 5)


async def test_devices_are_listed_named_and_logged_out(platform: Platform) -> None:
    await platform.start("users")
    phone, tablet = await log_in(platform, device="phone-0001"), await log_in(platform, device="tablet-0001")
    shown = (await call(platform, "GET", "/me/devices", phone)).body["items"]
    assert [(d["id"], d["current"]) for d in shown] == [(tablet.who.session_id, False), (phone.who.session_id, True)]
    path = f"/me/devices/{tablet.who.session_id}"
    for _ in range(2):
        assert (await call(platform, "PATCH", path, phone, json={"name": "平板"})).status == 204
    assert (await call(platform, "GET", "/me/devices", phone)).body["items"][0]["name"] == "平板"
    assert (await call(platform, "DELETE", path, phone)).status == 204
    assert (await call(platform, "DELETE", path, phone)).status == 404
    assert (await call(platform, "GET", "/me", tablet)).status == 401


async def test_a_device_has_one_login_and_there_are_not_too_many(platform: Platform) -> None:
    change(platform.folder, "users", devices=3)
    await platform.start("users")
    old = await log_in(platform, device="phone-0001")
    new = await log_in(platform, device="phone-0001")
    assert (await call(platform, "GET", "/me", old)).status == 401
    more = [await log_in(platform) for _ in range(3)]
    assert (await call(platform, "GET", "/me", new)).status == 401, "the one unused for longest"
    assert len((await call(platform, "GET", "/me/devices", more[-1])).body["items"]) == 3


async def test_a_login_ends_by_itself_when_not_used(platform: Platform) -> None:
    change(platform.folder, "jwt", refresh_days=1 / 86_400, access_minutes=1 / 60)
    await platform.start("users")
    login = await log_in(platform)
    await eventually(lambda: time.time() > login.refresh_expires_at)
    assert (await renew(platform, login.refresh_token)).status == 401
    assert (await call(platform, "GET", "/me", login)).status == 401
