"""Logging in and out."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from sqlalchemy import Row

from platform_app.kit.config import secret
from platform_app.kit.log import Log
from platform_app.kit.service import Here, Service
from platform_app.kit.times import now
from platform_app.kit.tokens import Principal, dead, issue
from platform_app.users import codes, examples, repository, sessions
from platform_app.users.figures import Figures
from platform_app.users.profile import profile
from platform_app.users.rights import Me
from platform_app.users.schemas import CodeRequest, LoginRequest, RefreshRequest
from platform_app.users.sending import Origin, send
from platform_app.users.sessions import Device, Login

log = Log("users")
router = APIRouter(prefix="/api/v1", tags=["users"])
UserAgent = Annotated[str, Header(include_in_schema=False)]


@router.post(
    "/auth/code", status_code=202, summary="Send a login code by SMS", responses=examples.answers("sent", 429, 502)
)
async def send_login_code(body: CodeRequest, service: Here, origin: Origin) -> dict[str, Any]:
    return await send(service, body.phone, "login", origin, now())


@router.post(
    "/auth/login",
    summary="Log in with phone and code; the first login registers a customer",
    responses=examples.answers("login", 401, 429),
)
async def login(body: LoginRequest, service: Here, origin: Origin, user_agent: UserAgent = "") -> dict[str, Any]:
    config, at = service.config, now()
    figures: Figures = service.room
    kept = codes.hashed(body.phone, body.code, secret(config.jwt.secret_file))
    device = Device(origin[0], body.device_name, body.app, _printable(user_agent)[:200])
    row: Row[Any] | None = None
    async with service.db.transaction() as c:
        result = await codes.spend(c, body.phone, kept, config.users, at)
        if result == "ok":
            row = await repository.by_phone_or_new(c, body.phone, at)
            await repository.seen(c, [row.id], at)
            made = await sessions.begin(c, config, row, device, at)
    figures.logins.labels(result).inc()
    if row is None:
        raise codes.refusal(result)
    made = await _with_provider(service, made, at)
    return {**_tokens(service, made, at), "user": profile(row, made.who.provider_id)}


@router.post(
    "/auth/refresh",
    summary="New tokens for a refresh token, which counts once; the answer may be asked for again for some seconds",
    responses=examples.answers("tokens", 401),
)
async def refresh(body: RefreshRequest, service: Here) -> dict[str, Any]:
    at = now()
    figures: Figures = service.room
    async with service.db.transaction() as c:
        done = await sessions.renew(c, service.config, body.refresh_token, at)
    outcomes = {"ok": "refreshed", "repeated": "repeated", "reused": "reused", "dead": "refused"}
    figures.logins.labels(outcomes[done.outcome]).inc()
    if done.outcome == "reused":
        figures.reuse.inc()
        log.warning("token.reused", user_id=done.user_id, session_id=done.session_id)
    if done.login is None:
        raise dead()
    made = done.login
    if made.who.role == "provider" and not made.who.provider_id:
        made = await _with_provider(service, made, at)  # providers did not answer at the login
    return _tokens(service, made, at)


@router.post("/auth/logout", status_code=204, summary="Log out on this device", responses=examples.answers("", 401))
async def logout(me: Me, service: Here) -> Response:
    async with service.db.transaction() as c:
        if me.who.session_id:
            await sessions.end(c, me.id, me.who.session_id, "logout", now())
        else:  # a token of before there were devices: it cannot be told from its like
            await sessions.end_all(c, me.id, "logout", now())
    return Response(status_code=204)


@router.post(
    "/auth/logout-everywhere", status_code=204, summary="Log out on all devices", responses=examples.answers("", 401)
)
async def logout_everywhere(me: Me, service: Here) -> Response:
    async with service.db.transaction() as c:
        await sessions.end_all(c, me.id, "everywhere", now())
    log.info("logout.everywhere", user_id=me.id)
    return Response(status_code=204)


def _tokens(service: Service, made: Login, at: int) -> dict[str, Any]:
    return {
        "access_token": made.access_token,
        "token_type": "bearer",
        "expires_in": service.config.jwt.access_seconds,
        "refresh_token": made.refresh_token,
        "refresh_expires_in": made.refresh_expires_at - at,
        "device_id": made.who.session_id,
    }


async def _with_provider(service: Service, made: Login, at: int) -> Login:
    """The login with the number of its provider; as it is for others, and when providers does not answer."""
    who = made.who
    if who.role != "provider":
        return made
    answer = await service.client.call("providers", "GET", f"/internal/providers/by-user/{who.user_id}")
    if not answer.ok:
        return made
    provider_id = int(answer.json()["id"])
    async with service.db.transaction() as c:
        await sessions.set_provider(c, who.session_id, provider_id)
    who = Principal(who.user_id, who.role, provider_id, who.session_id, who.generation)
    return Login(who, issue(service.config, who, at), made.refresh_token, made.refresh_expires_at)


def _printable(text: str) -> str:
    return "".join(x for x in text if unicodedata.category(x)[0] != "C")
