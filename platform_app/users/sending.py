"""Sending a code: admitted by the limits, remembered, sent; taken back when it could not be sent."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request

from platform_app.kit.config import secret
from platform_app.kit.log import Log
from platform_app.kit.problem import Problem
from platform_app.kit.service import Service
from platform_app.users import codes, limits
from platform_app.users.figures import Figures
from platform_app.users.schemas import DeviceKey
from platform_app.users.sms import SmsRefused, send_code

log = Log("users")


async def origin(request: Request, x_device_id: DeviceKey = "") -> tuple[str, str]:
    """FastAPI dependency: the device ('' when the app names none) and the client address that the edge saw."""
    seen = request.headers.get("x-forwarded-for", "") or (request.client.host if request.client else "")
    return x_device_id, seen


Origin = Annotated[tuple[str, str], Depends(origin)]


async def send(service: Service, phone: str, purpose: str, origin: tuple[str, str], at: int) -> dict[str, Any]:
    """Sends a code and gives the answer, the same for every phone. Raises Problem 429 or 502."""
    config, digits, figures = service.config, codes.fresh(), service.room
    assert isinstance(figures, Figures)
    key = secret(config.jwt.secret_file)
    under = limits.limits_of(config.users, phone, *origin, key)
    try:
        async with service.db.transaction() as c:
            await limits.admit(c, under, at)
            kept = codes.hashed(phone, digits, key, purpose)
            code_id = await codes.keep(c, phone, kept, config.users, at, purpose)
    except limits.Refused as refused:
        figures.refused.labels(refused.limit).inc()
        raise
    try:
        await send_code(config.sms, phone, digits)
    except SmsRefused as error:
        figures.sms.labels("failed").inc()
        async with service.db.transaction() as c:
            await codes.forget(c, code_id)
            await limits.give_back(c, under)
        log.warning("sms.failed", error=str(error))
        raise _failed(error, figures) from error
    figures.sms.labels("sent").inc()
    return {
        "sent": True,
        "expires_in": config.users.code_ttl_seconds,
        "retry_after": config.users.code_interval_seconds,
    }


def _failed(error: SmsRefused, figures: Figures) -> Problem:
    if not error.limited:
        return Problem(502, "sms_failed", "短信暂时无法发送,请稍后再试")
    figures.refused.labels("gateway").inc()
    return Problem(429, "code_limit", "验证码发送过于频繁,请稍后再试", headers={"Retry-After": "60"}, retry_after=60)
