"""Listing and search."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from sqlalchemy import Row, select

from platform_app.catalog import search
from platform_app.catalog.tables import category, offering, service
from platform_app.kit.auth import internal
from platform_app.kit.pages import page
from platform_app.kit.problem import not_found
from platform_app.kit.service import Here, Service

router = APIRouter(prefix="/api/v1", tags=["catalog"])
inner = APIRouter(prefix="/internal", include_in_schema=False, dependencies=[Depends(internal)])


@router.get("/categories", summary="All categories")
async def categories(here: Here) -> dict[str, Any]:
    async with here.db.read() as c:
        rows = (await c.execute(select(category).order_by(category.c.position))).all()
    return {"items": [{"id": r.id, "name": r.name, "intro": r.intro} for r in rows]}


@router.get("/services", summary="Services of a category, or whose name contains q")
async def services(
    here: Here,
    category_id: Annotated[int, Query(alias="category")] = 0,
    q: Annotated[str, Query(max_length=40)] = "",
) -> dict[str, Any]:
    query = select(service).order_by(service.c.id)
    if category_id:
        query = query.where(service.c.category_id == category_id)
    if q:
        query = query.where(service.c.name.contains(q, autoescape=True))
    async with here.db.read() as c:
        rows = (await c.execute(query)).all()
    return {"items": [dict(r._mapping) for r in rows]}


@router.get("/offerings", summary="Search offerings; pages by cursor")
async def offerings(
    here: Here,
    category_id: Annotated[int, Query(alias="category")] = 0,
    service_id: Annotated[int, Query(alias="service")] = 0,
    provider_id: Annotated[int, Query(alias="provider")] = 0,
    district: Annotated[str, Query(max_length=32)] = "",
    min_rating: Annotated[float, Query(ge=0, le=5)] = 0,
    max_price_fen: Annotated[int, Query(ge=0)] = 0,
    q: Annotated[str, Query(max_length=40)] = "",
    sort: search.Order = "rating",
    cursor: str = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> dict[str, Any]:
    wish = search.Wish(
        category_id, service_id, provider_id, district, min_rating, max_price_fen, q, sort, cursor, limit
    )
    async with here.db.read() as c:
        rows = list((await c.execute(search.search(wish))).all())
    return page([_offering(row) for row in rows[:limit]], search.next_cursor(wish, rows))


@router.get("/offerings/{offering_id}", summary="One offering")
async def show(offering_id: int, here: Here) -> dict[str, Any]:
    return _offering(await _find(here, offering_id))


@inner.get("/offerings/{offering_id}")
async def inside(offering_id: int, here: Here) -> dict[str, Any]:
    """What orders must know to book it."""
    row = await _find(here, offering_id)
    return {**_offering(row), "provider_user_id": row.provider_user_id, "active": bool(row.active)}


async def _find(here: Service, offering_id: int) -> Row[Any]:
    async with here.db.read() as c:
        row: Row[Any] | None = (await c.execute(search.joined().where(offering.c.id == offering_id))).first()
    if row is None:
        raise not_found("服务项目")
    return row


def _offering(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "service_id": row.service_id,
        "service_name": row.service_name,
        "category_id": row.category_id,
        "category_name": row.category_name,
        "provider_id": row.provider_id,
        "provider_name": row.provider_name,
        "district": row.district,
        "rating": row.rating_x100 / 100,
        "price_fen": row.price_fen,
        "duration_minutes": row.duration_minutes,
    }
