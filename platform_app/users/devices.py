"""The devices on which somebody is logged in."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy import Row

from platform_app.kit.problem import not_found
from platform_app.kit.service import Here
from platform_app.kit.times import iso, now
from platform_app.users import examples, sessions
from platform_app.users.rights import Me
from platform_app.users.schemas import DeviceChange, Id

router = APIRouter(prefix="/api/v1/me/devices", tags=["devices"])


@router.get("", summary="Where I am logged in", responses=examples.answers("devices", 401))
async def show(me: Me, service: Here) -> dict[str, Any]:
    async with service.db.read() as c:
        rows = await sessions.alive(c, me.id, now())
    return {"items": [shown(row, me.who.session_id) for row in rows]}


@router.patch("/{device_id}", status_code=204, summary="Name a device", responses=examples.answers("", 401, 404))
async def rename(device_id: Id, body: DeviceChange, me: Me, service: Here) -> Response:
    async with service.db.transaction() as c:
        if not await sessions.rename(c, me.id, device_id, body.name):
            raise not_found("设备")
    return Response(status_code=204)


@router.delete("/{device_id}", status_code=204, summary="Log a device out", responses=examples.answers("", 401, 404))
async def log_out(device_id: Id, me: Me, service: Here) -> Response:
    async with service.db.transaction() as c:
        if not await sessions.end(c, me.id, device_id, "logout", now()):
            raise not_found("设备")
    return Response(status_code=204)


def shown(row: Row[Any], current: int) -> dict[str, Any]:
    """A device as its owner sees it; `last_seen_at` is true to the life of an access token."""
    return {
        "id": row.id,
        "name": row.name,
        "app": row.app,
        "user_agent": row.user_agent,
        "created_at": iso(row.created_at),
        "last_seen_at": iso(row.last_seen_at),
        "current": row.id == current,
    }
