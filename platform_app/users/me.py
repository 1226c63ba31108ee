"""What people do with their own account."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.answers import Json
from platform_app.kit.config import secret
from platform_app.kit.idempotency import Call, Done, once
from platform_app.kit.log import Log
from platform_app.kit.problem import Problem
from platform_app.kit.service import Here
from platform_app.kit.times import day_of, now
from platform_app.kit.versions import IfMatch, etag
from platform_app.users import account, codes, examples
from platform_app.users.profile import profile
from platform_app.users.rights import Me
from platform_app.users.schemas import CodeRequest, Deletion, PhoneChange, ProfileChange
from platform_app.users.sending import Origin, send
from platform_app.users.tables import idempotency

log = Log("users")
router = APIRouter(prefix="/api/v1/me", tags=["me"])


@router.get("", summary="Who I am", responses=examples.answers("profile", 401))
async def show(me: Me) -> Json:
    return Json(profile(me.row, me.who.provider_id), headers=etag(me.row.version))


@router.patch("", summary="Change my name", responses=examples.answers("profile", 401, 409, 412, 428))
async def rename(body: ProfileChange, me: Me, service: Here, call: Call, if_match: IfMatch = "") -> Response:
    async def act(c: AsyncConnection) -> Done:
        row = await account.rename(c, me.id, body.name, if_match, body.version)
        return Done(profile(row, me.who.provider_id), headers=etag(row.version))

    return await once(service.db, idempotency, call, me.id, now(), act)


@router.post(
    "/phone-code",
    status_code=202,
    summary="Send a code to the phone that shall become mine",
    responses=examples.answers("sent", 401, 429, 502),
)
async def send_phone_code(body: CodeRequest, me: Me, service: Here, origin: Origin) -> dict[str, Any]:
    return await send(service, body.phone, f"phone:{me.id}", origin, now())


@router.put(
    "/phone", summary="Change my phone, by the code that it got", responses=examples.answers("profile", 401, 409, 429)
)
async def change_phone(body: PhoneChange, me: Me, service: Here, call: Call) -> Response:
    purpose, config, at = f"phone:{me.id}", service.config, now()
    kept = codes.hashed(body.phone, body.code, secret(config.jwt.secret_file), purpose)

    async def act(c: AsyncConnection) -> Done | Problem:
        result = await codes.spend(c, body.phone, kept, config.users, at, purpose)
        if result != "ok":
            return codes.refusal(result)
        row = await account.move_phone(c, me.id, body.phone)
        return Done(profile(row, me.who.provider_id), headers=etag(row.version))

    answer = await once(service.db, idempotency, call, me.id, at, act)
    log.info("phone.changed", user_id=me.id, phone=body.phone)
    return answer


@router.post(
    "/deletion-code",
    status_code=202,
    summary="Send a code to my phone, to delete my account with",
    responses=examples.answers("sent", 401, 403, 429, 502),
)
async def send_deletion_code(me: Me, service: Here, origin: Origin) -> dict[str, Any]:
    return await send(service, me.row.phone, f"delete:{me.id}", origin, now())


@router.post(
    "/deletion",
    status_code=204,
    summary="Delete my account, by the code",
    responses=examples.answers("", 401, 403, 429),
)
async def delete(body: Deletion, me: Me, service: Here) -> Response:
    purpose, config, at = f"delete:{me.id}", service.config, now()
    key = secret(config.jwt.secret_file)
    kept = codes.hashed(me.row.phone, body.code, key, purpose)
    async with service.db.transaction() as c:
        result = await codes.spend(c, me.row.phone, kept, config.users, at, purpose)
        if result == "ok":
            await account.close(c, me.id, key, at)
    if result != "ok":
        raise codes.refusal(result)
    log.info("account.deleted", user_id=me.id)
    return Response(status_code=204)


@router.get("/export", summary="All that is kept about me here", responses=examples.answers("export", 401))
async def export(me: Me, service: Here) -> Json:
    at = now()
    async with service.db.read() as c:
        data = await account.export(c, me.row, at)
    name = f"anxin-{me.id}-{day_of(at)}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Json(data, headers=headers)
