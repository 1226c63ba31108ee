"""What the neighbours ask users."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from platform_app.kit.auth import internal
from platform_app.kit.problem import not_found
from platform_app.kit.service import Here
from platform_app.kit.times import now
from platform_app.users import addresses, repository, sessions
from platform_app.users.profile import profile_for_operators
from platform_app.users.schemas import MOST_ID, Activity, Id

router = APIRouter(prefix="/internal", include_in_schema=False, dependencies=[Depends(internal)])
BATCH = 5_000


@router.post("/activity", status_code=204)
async def active(body: Activity, service: Here) -> None:
    """People whom the edge has seen; they count as active today."""
    async with service.db.transaction() as c:
        await repository.seen(c, body.user_ids, now())


@router.get("/revocations")
async def revocations(service: Here, since: Annotated[int, Query(ge=0, le=MOST_ID)] = 0) -> dict[str, Any]:
    """Sessions and generations that died at `since` or later; `next` is what to ask for the next time.

    Reports overlap by some seconds, so that none is missed that committed late.
    """
    at = now()
    async with service.db.read() as c:
        rows = await sessions.revoked_since(c, since, BATCH)
    full = len(rows) == BATCH
    return {
        "items": [[row.user_id, row.session_id, row.generation, row.at] for row in rows],
        # a page that is one second's alone does not happen: no database takes that many revocations in one
        "next": max(rows[-1].at, since + 1) if full else at - sessions.OVERLAP,
        "more": full,
    }


@router.get("/users/{user_id}")
async def person(user_id: Id, service: Here) -> dict[str, Any]:
    """Who somebody is, masked: enough to show to others."""
    async with service.db.read() as c:
        row = await repository.by_id(c, user_id)
    if row is None:
        raise not_found("用户")
    return profile_for_operators(row)


@router.get("/users/{user_id}/addresses/{address_id}")
async def address(user_id: Id, address_id: Id, service: Here) -> dict[str, Any]:
    """An address of this person in full, for the copy that an order keeps."""
    async with service.db.read() as c:
        return addresses.shown(await addresses.one(c, user_id, address_id), None)
