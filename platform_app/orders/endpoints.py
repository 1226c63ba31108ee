"""Booking, and what customers do with their orders."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import FileResponse
from sqlalchemy import select

from platform_app.kit.answers import Json
from platform_app.kit.auth import Principal, Who, require
from platform_app.kit.pages import decode_cursor, encode_cursor, page
from platform_app.kit.problem import Problem, not_found
from platform_app.kit.service import Here
from platform_app.kit.times import iso, now
from platform_app.orders import booking, payments, repository
from platform_app.orders.cancelling import verb_for
from platform_app.orders.room import Room
from platform_app.orders.schemas import CancelRequest, OrderRequest, shown, shown_whole
from platform_app.orders.slots import GRAIN, grid
from platform_app.orders.tables import order

router = APIRouter(prefix="/api/v1", tags=["orders"])
Customer = Annotated[Principal, Depends(require("customer", "operator"))]


@router.get("/providers/{provider_id}/slots", summary="Half hours of a day: free or taken")
async def slots(provider_id: int, day: str, service: Here) -> dict[str, Any]:
    try:
        starts = grid(day)
    except ValueError as error:
        raise Problem(422, "bad_time", "日期格式应为 YYYY-MM-DD") from error
    async with service.db.read() as c:
        taken = await repository.taken(c, provider_id, starts[0], starts[-1] + GRAIN)
    at = now()
    return {"items": [{"starts_at": iso(s), "free": s > at and s not in taken} for s in starts]}


@router.post("/orders", status_code=201, summary="Book: hold the slots until paid")
async def book(
    body: OrderRequest,
    who: Customer,
    service: Here,
    idempotency_key: Annotated[str, Header(max_length=80)] = "",
) -> Json:
    room: Room = service.room
    config, at = service.config, now()
    offer = await room.offerings.get(body.offering_id, config, at)
    wish = booking.Wish(who.user_id, body.start(), body.address, idempotency_key, offer)
    try:
        row, new = await booking.hold(service.db, wish, config.orders, at)
    except Problem as problem:
        if problem.code == "slot_taken":
            room.figures.conflicts.inc()
        raise
    if new:
        room.figures.orders.labels("held").inc()
    return Json(shown(row), 201 if new else 200)


@router.get("/orders", summary="My orders (a provider: those to do), newest first")
async def mine(
    who: Who,
    service: Here,
    status: Annotated[str, Query(max_length=16)] = "",
    cursor: str = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> dict[str, Any]:
    query = select(order).order_by(order.c.id.desc()).limit(limit + 1)
    if who.role == "provider":
        query = query.where(order.c.provider_id == who.provider_id)
    elif who.role != "operator":
        query = query.where(order.c.user_id == who.user_id)
    if status:
        query = query.where(order.c.status == status)
    if cursor:
        query = query.where(order.c.id < decode_cursor(cursor, 1)[0])
    async with service.db.read() as c:
        rows = (await c.execute(query)).all()
    more = encode_cursor(rows[limit - 1].id) if len(rows) > limit else None
    return page([shown(r) for r in rows[:limit]], more)


@router.get("/orders/{order_id}", summary="One order with its history")
async def show(order_id: int, who: Who, service: Here) -> dict[str, Any]:
    room: Room = service.room
    return shown_whole(await room.visible(order_id, who))


@router.post("/orders/{order_id}/cancel", summary="Cancel; what was paid is refunded")
async def cancel(order_id: int, who: Who, service: Here, body: CancelRequest | None = None) -> dict[str, Any]:
    room: Room = service.room
    row, at = await room.visible(order_id, who), now()
    verb, reason = verb_for(row, who, service.config.orders, at)
    async with service.db.transaction() as c:
        moved = await repository.move(c, row.id, verb, at, (body.reason if body else "") or reason)
        if moved is not None and verb == "cancel_paid":
            await payments.request_refund(c, row.id, row.paid_trade_no or "", row.amount_fen, reason, at)
    if moved is None:
        raise Problem(409, "wrong_status", "订单状态刚刚改变,请刷新后再试")
    room.figures.orders.labels(moved.status).inc()
    return shown_whole(moved)


@router.get("/orders/{order_id}/photo", summary="The photo of the work done", response_class=FileResponse)
async def photo(order_id: int, who: Who, service: Here) -> FileResponse:
    room: Room = service.room
    row = await room.visible(order_id, who)
    if not row.photo:
        raise not_found("照片")
    return FileResponse(f"{service.config.storage.folder}/{row.photo}")
