"""People who are logged in, and calls with whole answers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update

from platform_app.users import sessions
from platform_app.users.sessions import Device, Login
from platform_app.users.tables import session, user
from tests.platform_app.world import Platform


@dataclass(frozen=True)
class Whole:
    """An answer with its headers."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def code(self) -> str:
        return str(self.body["code"])


def db_of(platform: Platform) -> Any:
    return platform.app("users").state.service.db


async def log_in(platform: Platform, user_id: int = 1, device: str = "") -> Login:
    """A login as a right code gives it."""
    config = platform.app("users").state.service.config
    async with db_of(platform).transaction() as c:
        row = await sessions.hold_user(c, user_id)
        assert row is not None
        return await sessions.begin(c, config, row, Device(device, "手机"), int(time.time()))


async def call(
    platform: Platform, method: str, path: str, login: Login | str | None = None, at: str = "users", **more: Any
) -> Whole:
    """A request under /api/v1, with the access token of a login."""
    headers = dict(more.pop("headers", {}))
    if login is not None:
        token = login if isinstance(login, str) else login.access_token
        headers["Authorization"] = f"Bearer {token}"
    url = f"http://{platform.address(at)}/api/v1{path}"
    async with platform._session.request(method, url, headers=headers, **more) as answer:
        body = await answer.json(content_type=None) if await answer.read() else None
        return Whole(answer.status, body, answer.headers)


async def renew(platform: Platform, token: str) -> Whole:
    return await call(platform, "POST", "/auth/refresh", json={"refresh_token": token})


async def age(platform: Platform, session_id: int, seconds: int) -> None:
    """Makes the last rotation of a session so much older."""
    async with db_of(platform).transaction() as c:
        old = session.c.rotated_at - seconds
        await c.execute(update(session).where(session.c.id == session_id).values(rotated_at=old))


async def row_of(platform: Platform, user_id: int) -> Any:
    async with db_of(platform).read() as c:
        return (await c.execute(select(user).where(user.c.id == user_id))).one()


async def figure(platform: Platform, name: str) -> float:
    """The value of one series, as /metrics shows it."""
    text = (await platform.request("users", "GET", "/metrics"))[1].decode()
    return next(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(f"{name} "))
