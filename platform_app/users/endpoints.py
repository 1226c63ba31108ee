"""Login and profile."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends
from sqlalchemy import Row

from platform_app.kit.auth import Principal, Who, internal, issue
from platform_app.kit.config import secret
from platform_app.kit.log import Log
from platform_app.kit.problem import Problem, not_found
from platform_app.kit.service import Here, Service
from platform_app.kit.times import iso, now
from platform_app.users import codes, repository
from platform_app.users.figures import Figures
from platform_app.users.schemas import Activity, CodeRequest, LoginRequest
from platform_app.users.sms import SmsRefused, send_code

log = Log("users")
router = APIRouter(prefix="/api/v1", tags=["users"])
inner = APIRouter(prefix="/internal", include_in_schema=False, dependencies=[Depends(internal)])

_REFUSALS = {
    "wrong": Problem(401, "code_wrong", "验证码错误"),
    "expired": Problem(401, "code_expired", "验证码已失效,请重新获取"),
    "locked": Problem(429, "code_locked", "尝试次数过多,请重新获取验证码"),
}


@router.post("/auth/code", status_code=202, summary="Send a login code by SMS")
async def send(body: CodeRequest, service: Here) -> dict[str, Any]:
    config, at, digits = service.config, now(), codes.fresh()
    kept = codes.hashed(body.phone, digits, secret(config.jwt.secret_file))
    async with service.db.transaction() as c:
        await codes.admit(c, body.phone, config.users, at)
        code_id = await codes.keep(c, body.phone, kept, config.users, at)
    figures: Figures = service.room
    try:
        await send_code(config.sms, body.phone, digits)
    except SmsRefused as error:
        figures.sms.labels("failed").inc()
        async with service.db.transaction() as c:
            await codes.forget(c, code_id)
        log.warning("sms.failed", error=str(error))
        if error.limited:
            raise Problem(429, "code_limit", "验证码发送过于频繁,请稍后再试", headers={"Retry-After": "60"}) from error
        raise Problem(502, "sms_failed", "短信暂时无法发送,请稍后再试") from error
    figures.sms.labels("sent").inc()
    return {
        "sent": True,
        "expires_in": config.users.code_ttl_seconds,
        "retry_after": config.users.code_interval_seconds,
    }


@router.post("/auth/login", summary="Log in with phone and code; the first login registers a customer")
async def login(body: LoginRequest, service: Here) -> dict[str, Any]:
    config, at = service.config, now()
    kept = codes.hashed(body.phone, body.code, secret(config.jwt.secret_file))
    figures: Figures = service.room
    row: Row[Any] | None = None
    async with service.db.transaction() as c:
        result = await codes.spend(c, body.phone, kept, config.users, at)
        if result == "ok":
            row = await repository.by_phone_or_new(c, body.phone, at)
            await repository.seen(c, [row.id], at)
    figures.logins.labels(result).inc()
    if row is None:
        raise _REFUSALS[result]
    who = Principal(row.id, row.role, await _provider_id(service, row))
    return {
        "access_token": issue(config, who, at),
        "token_type": "bearer",
        "expires_in": config.jwt.hours * 3600,
        "user": _profile(row, who.provider_id),
    }


@router.get("/me", summary="Who I am")
async def me(who: Who, service: Here) -> dict[str, Any]:
    async with service.db.read() as c:
        row = await repository.by_id(c, who.user_id)
    if row is None:
        raise not_found("用户")
    return _profile(row, who.provider_id)


@inner.post("/activity", status_code=204)
async def active(body: Activity, service: Here) -> None:
    """People whom the edge has seen; they count as active today."""
    async with service.db.transaction() as c:
        await repository.seen(c, body.user_ids, now())


async def _provider_id(service: Service, row: Row[Any]) -> int:
    if row.role != "provider":
        return 0
    answer = await service.client.call("providers", "GET", f"/internal/providers/by-user/{row.id}")
    return int(answer.json()["id"]) if answer.ok else 0


def _profile(row: Row[Any], provider_id: int) -> dict[str, Any]:
    return {
        "id": row.id,
        "phone": f"{row.phone[:3]}****{row.phone[-4:]}",
        "name": row.name,
        "role": row.role,
        "provider_id": provider_id or None,
        "created_at": iso(row.created_at),
    }
