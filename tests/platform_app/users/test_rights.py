"""The authorisation matrix: every endpoint of users × every caller × one's own object and somebody else's."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.routing import APIRoute

from platform_app.kit.tokens import Principal, issue
from platform_app.users.app import ROUTERS
from platform_app.users.internal import router as inner
from platform_app.users.rights import OPEN, RIGHTS, person
from tests.platform_app.users.support import call, log_in
from tests.platform_app.users.test_addresses import HOME
from tests.platform_app.world import Platform

CALLERS = {"customer": 1, "provider": 11, "operator": 99}
BODIES: dict[str, Any] = {
    "PATCH /api/v1/me": {"name": "新名", "version": 1},
    "POST /api/v1/me/deletion": {"code": "000000"},
    "POST /api/v1/me/phone-code": {"phone": "bad"},
    "PUT /api/v1/me/phone": {"phone": "13700000001", "code": "000000"},
    "PATCH /api/v1/me/devices/{device_id}": {"name": "x"},
    "POST /api/v1/me/addresses": HOME,
    "PATCH /api/v1/me/addresses/{address_id}": {"label": "x", "version": 1},
}
ENDPOINTS = [name for name, roles in RIGHTS.items() if roles != OPEN]


@dataclass(frozen=True)
class Owned:
    """The ids of what somebody has."""

    user_id: int
    device_id: int
    address_id: int

    def path(self, name: str) -> tuple[str, str]:
        method, _, path = name.partition(" ")
        ids = {"user_id": self.user_id, "device_id": self.device_id, "address_id": self.address_id}
        return method, path.removeprefix("/api/v1").format(**ids)


def test_the_table_has_every_endpoint_and_no_other() -> None:
    routes = {
        f"{m} {r.path}": r for router in ROUTERS for r in router.routes if isinstance(r, APIRoute) for m in r.methods
    }
    assert set(routes) == set(RIGHTS)
    for name, route in routes.items():
        asks = person in [d.call for d in route.dependant.dependencies]
        assert asks == (RIGHTS[name] != OPEN), name


async def owned(platform: Platform, user_id: int) -> Owned:
    login = await log_in(platform, user_id)
    made = await call(platform, "POST", "/me/addresses", login, json=HOME)
    return Owned(user_id, login.who.session_id, made.body["id"])


async def send(platform: Platform, name: str, of: Owned, token: str | None) -> int:
    method, path = of.path(name)
    body = {"json": BODIES[name]} if name in BODIES else {}
    return (await call(platform, method, path, token, **body)).status


@pytest.mark.parametrize("name", ENDPOINTS)
async def test_matrix(sqlite_platform: Platform, name: str) -> None:
    platform = sqlite_platform
    await platform.start("users")
    stranger = await owned(platform, 2)
    assert await send(platform, name, stranger, None) == 401
    assert await send(platform, name, stranger, "forged.token.here") == 401
    for role, user_id in CALLERS.items():
        mine = await owned(platform, user_id)
        login = await log_in(platform, user_id)
        status = await send(platform, name, stranger, login.access_token)
        if role not in RIGHTS[name]:
            assert status == 403, role
            continue
        if "{device_id}" in name or "{address_id}" in name:
            assert status == 404, f"{role}: somebody else's"
            status = await send(platform, name, mine, (await log_in(platform, user_id)).access_token)
        assert (status not in (403, 404, 405) and status < 500) or status == 502, role


@pytest.mark.parametrize(
    "claims",
    [Principal(1, "operator"), Principal(1, "root"), Principal(10**9, "operator"), Principal(99, "operator", 0, 10**9)],
)
async def test_a_role_counts_as_the_database_has_it(sqlite_platform: Platform, claims: Principal) -> None:
    await sqlite_platform.start("users")
    token = issue(sqlite_platform.folder.config, claims, int(time.time()))
    assert (await call(sqlite_platform, "GET", "/users/2", token)).status in (401, 403)


async def test_operators_see_masked_and_log_others_out(platform: Platform) -> None:
    await platform.start("users")
    operator, other = await log_in(platform, 99), await log_in(platform, 2)
    seen = await call(platform, "GET", "/users/2", operator)
    assert (seen.body["phone"], seen.body["name"]) == ("138****0002", "人**")
    assert (await call(platform, "GET", "/users/777", operator)).status == 404
    assert (await call(platform, "POST", "/users/2/logout-everywhere", operator)).status == 204
    assert (await call(platform, "GET", "/me", other)).status == 401
    assert (await call(platform, "POST", "/users/777/logout-everywhere", operator)).status == 404


@pytest.mark.parametrize("path", [r.path for r in inner.routes if isinstance(r, APIRoute)])
async def test_inner_doors_are_for_neighbours(sqlite_platform: Platform, path: str) -> None:
    await sqlite_platform.start("users", "edge")
    login = await log_in(sqlite_platform, 99)
    path = path.format(user_id=2, address_id=1)
    headers = {"Authorization": f"Bearer {login.access_token}"}
    for method in ("GET", "POST"):
        for service, wanted in (("users", {401, 405}), ("edge", {404})):
            assert (await sqlite_platform.request(service, method, path, headers=headers))[0] in wanted
