"""What operators may see and do about others' accounts; each look is logged."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.idempotency import Call, Done, once
from platform_app.kit.log import Log
from platform_app.kit.problem import not_found
from platform_app.kit.service import Here
from platform_app.kit.times import now
from platform_app.users import addresses, examples, repository, sessions
from platform_app.users.profile import profile_for_operators
from platform_app.users.rights import Me
from platform_app.users.schemas import Id
from platform_app.users.tables import idempotency

log = Log("users")
router = APIRouter(prefix="/api/v1/users", tags=["operators"])


@router.get("/{user_id}", summary="Anybody's profile, masked", responses=examples.answers("seen", 401, 403, 404))
async def show(user_id: Id, me: Me, service: Here) -> dict[str, Any]:
    async with service.db.read() as c:
        row = await repository.by_id(c, user_id)
        if row is None:
            raise not_found("用户")
        book = await addresses.book(c, user_id)
        logins = await sessions.alive(c, user_id, now())
    log.info("account.seen", operator_id=me.id, user_id=user_id)
    found = profile_for_operators(row)
    return {**found, "devices": len(logins), "addresses": [addresses.shown_masked(a) for a in book]}


@router.post(
    "/{user_id}/logout-everywhere",
    status_code=204,
    summary="Log somebody out on all devices",
    responses=examples.answers("", 401, 403, 404),
)
async def log_out(user_id: Id, me: Me, service: Here, call: Call) -> Response:
    async def act(c: AsyncConnection) -> Done:
        if await sessions.hold_user(c, user_id) is None:
            raise not_found("用户")
        await sessions.end_all(c, user_id, "operator", now())
        return Done(status=204)

    answer = await once(service.db, idempotency, call, me.id, now(), act)
    log.info("logout.everywhere", operator_id=me.id, user_id=user_id)
    return answer
