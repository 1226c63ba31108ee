"""Listing and search."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from platform_app.catalog import examples, search
from platform_app.catalog.room import Room
from platform_app.kit.auth import internal
from platform_app.kit.fields import BIG, Key, day_field
from platform_app.kit.problem import Problem
from platform_app.kit.service import Here

router = APIRouter(prefix="/api/v1", tags=["catalog"])
inner = APIRouter(prefix="/internal", include_in_schema=False, dependencies=[Depends(internal)])
Number = Annotated[int, Query(ge=0, le=BIG)]
Clock = Annotated[str, Query(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=["09:00"])]


@router.get("/categories", summary="All categories", responses=examples.CATEGORIES)
async def categories(here: Here) -> dict[str, Any]:
    room: Room = here.room
    return {"items": [{"id": c["id"], "name": c["name"], "intro": c["intro"]} for c in await room.categories()]}


@router.get("/services", summary="Services of a category, or whose name contains q", responses=examples.SERVICES)
async def services(
    here: Here,
    category_id: Annotated[int, Query(alias="category", ge=0, le=BIG)] = 0,
    q: Annotated[str, Query(max_length=40)] = "",
) -> dict[str, Any]:
    room: Room = here.room
    found = [s for s in await room.services() if category_id in (0, s["category_id"])]
    return {"items": [s for s in found if q.lower() in s["name"].lower()]}


@router.get(
    "/offerings", summary="Search offerings, also by free time on a day; pages by cursor", responses=examples.OFFERINGS
)
async def offerings(
    here: Here,
    category_id: Annotated[int, Query(alias="category", ge=0, le=BIG)] = 0,
    service_id: Annotated[int, Query(alias="service", ge=0, le=BIG)] = 0,
    provider_id: Annotated[int, Query(alias="provider", ge=0, le=BIG)] = 0,
    district: Annotated[str, Query(max_length=32)] = "",
    min_rating: Annotated[float, Query(ge=0, le=5)] = 0,
    max_price_fen: Number = 0,
    q: Annotated[str, Query(max_length=40)] = "",
    free_day: Annotated[str, Query(max_length=10, examples=["2026-12-01"])] = "",
    free_from: Clock = "00:00",
    free_to: Clock = "23:59",
    sort: search.Order = "rating",
    cursor: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> dict[str, Any]:
    room: Room = here.room
    free = _free(free_day, free_from, free_to, district) if free_day else None
    named = await room.named(q) if q else ()
    wish = search.Wish(
        category_id, service_id, provider_id, district, min_rating, max_price_fen, q, sort, cursor, limit, named
    )
    return await room.page(wish, free)


def _free(day: str, start: str, end: str, district: str) -> search.Free:
    minutes = [int(text[:2]) * 60 + int(text[3:]) for text in (start, end)]
    if minutes[0] > minutes[1]:
        raise Problem(422, "bad_time", "时间范围的开始不能晚于结束", field="free_from")
    return search.Free(day_field(day, "free_day"), minutes[0], minutes[1], district)


@router.get("/offerings/{offering_id}", summary="One offering", responses=examples.OFFERING)
async def show(offering_id: Key, here: Here) -> dict[str, Any]:
    room: Room = here.room
    found = await room.offering(offering_id)
    return {name: value for name, value in found.items() if name not in ("provider_user_id", "active", "offer")}


@inner.get("/offerings/{offering_id}")
async def inside(offering_id: Key, here: Here) -> dict[str, Any]:
    """What orders must know to book it."""
    room: Room = here.room
    return await room.offering(offering_id)
