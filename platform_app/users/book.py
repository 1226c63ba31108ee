"""The endpoints of the address book."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.answers import Json
from platform_app.kit.idempotency import Call, Done, once
from platform_app.kit.service import Here
from platform_app.kit.times import now
from platform_app.kit.versions import IfMatch, etag
from platform_app.users import addresses, examples
from platform_app.users.addresses import shown
from platform_app.users.rights import Me
from platform_app.users.schemas import AddressChange, Id, NewAddress
from platform_app.users.tables import idempotency

router = APIRouter(prefix="/api/v1/me/addresses", tags=["addresses"])


@router.get("", summary="My addresses, the newest first", responses=examples.answers("addresses", 401))
async def show_all(me: Me, service: Here) -> dict[str, Any]:
    async with service.db.read() as c:
        rows = await addresses.book(c, me.id)
    return {"items": [shown(row, me.row.default_address_id) for row in rows]}


@router.post("", status_code=201, summary="Add an address", responses=examples.answers("address", 401, 409, status=201))
async def add(body: NewAddress, me: Me, service: Here, call: Call) -> Response:
    at = now()

    async def act(c: AsyncConnection) -> Done:
        row, default = await addresses.add(c, me.id, body, service.config.users.addresses, at)
        return Done(shown(row, default), 201, etag(row.version))

    return await once(service.db, idempotency, call, me.id, at, act)


@router.get("/{address_id}", summary="One address", responses=examples.answers("address", 401, 404))
async def show(address_id: Id, me: Me, service: Here) -> Json:
    async with service.db.read() as c:
        row = await addresses.one(c, me.id, address_id)
    return Json(shown(row, me.row.default_address_id), headers=etag(row.version))


@router.patch(
    "/{address_id}", summary="Change an address", responses=examples.answers("address", 401, 404, 409, 412, 428)
)
async def change(
    address_id: Id, body: AddressChange, me: Me, service: Here, call: Call, if_match: IfMatch = ""
) -> Response:
    at = now()

    async def act(c: AsyncConnection) -> Done:
        row = await addresses.change(c, me.id, address_id, body, if_match, at)
        return Done(shown(row, me.row.default_address_id), headers=etag(row.version))

    return await once(service.db, idempotency, call, me.id, at, act)


@router.delete(
    "/{address_id}", status_code=204, summary="Delete an address", responses=examples.answers("", 401, 404, 412)
)
async def remove(address_id: Id, me: Me, service: Here, call: Call, if_match: IfMatch = "") -> Response:
    async def act(c: AsyncConnection) -> Done:
        await addresses.remove(c, me.id, address_id, if_match)
        return Done(status=204)

    return await once(service.db, idempotency, call, me.id, now(), act)


@router.post("/{address_id}/default", summary="Make it the default", responses=examples.answers("address", 401, 404))
async def make_default(address_id: Id, me: Me, service: Here, call: Call) -> Response:
    async def act(c: AsyncConnection) -> Done:
        row = await addresses.make_default(c, me.id, address_id)
        return Done(shown(row, row.id), headers=etag(row.version))

    return await once(service.db, idempotency, call, me.id, now(), act)
