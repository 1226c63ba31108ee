"""Profiles of providers."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from sqlalchemy import Row

from platform_app.kit.auth import internal
from platform_app.kit.cache import Cache
from platform_app.kit.fields import Key
from platform_app.kit.problem import not_found
from platform_app.kit.service import Here
from platform_app.kit.times import iso, now
from platform_app.providers import repository

router = APIRouter(prefix="/api/v1", tags=["providers"])
inner = APIRouter(prefix="/internal", include_in_schema=False, dependencies=[Depends(internal)])


class Event(BaseModel):
    """An event of a neighbour's outbox."""

    id: str
    kind: str
    payload: dict[str, Any]


LIST_SECONDS = 5.0
"""How long a list of the best may lag behind the database."""


@router.get("/providers", summary="The best rated providers, of the city or a district")
async def best(
    service: Here,
    district: Annotated[str, Query(max_length=32)] = "",
    limit: Annotated[int, Query(ge=1, le=50)] = 12,
) -> dict[str, Any]:
    lists: Cache[dict[str, Any]] = service.room

    async def load() -> dict[str, Any]:
        async with service.db.read() as c:
            return {"items": [_profile(row) for row in (await c.execute(repository.best(district, limit))).all()]}

    return await lists.get((district, limit), load, LIST_SECONDS, now())


@router.get("/providers/{provider_id}", summary="A provider's profile")
async def show(provider_id: Key, service: Here) -> dict[str, Any]:
    async with service.db.read() as c:
        row = await repository.by_id(c, provider_id)
    if row is None:
        raise not_found("服务者")
    return _profile(row)


@inner.get("/providers/by-user/{user_id}")
async def by_user(user_id: int, service: Here) -> dict[str, Any]:
    async with service.db.read() as c:
        row = await repository.by_user(c, user_id)
    if row is None:
        raise not_found("服务者")
    return _profile(row)


@inner.post("/events")
async def take(event: Event, service: Here) -> dict[str, Any]:
    """`order.completed` counts towards the provider's record; other kinds are none of ours."""
    if event.kind != "order.completed":
        return {"taken": False}
    async with service.db.transaction() as c:
        return {"taken": await repository.count_done(c, int(event.payload["provider_id"]), event.id, now())}


def _profile(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "district": row.district,
        "intro": row.intro,
        "years": row.years,
        "rating": row.rating_x100 / 100,
        "orders_done": row.orders_done,
        "since": iso(row.created_at),
    }
