"""Booking, and what customers do with their orders."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import FileResponse
from sqlalchemy import select

from platform_app.kit.answers import Json
from platform_app.kit.auth import Principal, Who, require
from platform_app.kit.fields import Key, day_field
from platform_app.kit.pages import decode_cursor, encode_cursor, page
from platform_app.kit.problem import Problem, not_found
from platform_app.kit.service import Here
from platform_app.kit.times import iso, now
from platform_app.orders import booking, examples, payments, repository
from platform_app.orders.cancelling import verb_for
from platform_app.orders.places import place_of
from platform_app.orders.room import Room
from platform_app.orders.schemas import CancelRequest, OrderRequest, shown, shown_whole
from platform_app.orders.slots import day_window, grid, working
from platform_app.orders.tables import order

router = APIRouter(prefix="/api/v1", tags=["orders"])
Customer = Annotated[Principal, Depends(require("customer", "operator"))]


@router.get("/providers/{provider_id}/slots", summary="Half hours of a day: free or taken", responses=examples.SLOTS)
async def slots(
    provider_id: Key, day: Annotated[str, Query(max_length=10, examples=["2026-12-01"])], service: Here
) -> dict[str, Any]:
    """What fits where is told by /free; this is the day as a picture."""
    room: Room = service.room
    known, at, rules = day_field(day), now(), service.config.orders
    async with service.db.read() as c:
        times = await room.times.seen(c, [provider_id], *day_window(known, rules), rules, at)
    time = times[provider_id]
    open_at = set(working(known, time.calendar)) - time.busy.taken
    return {"items": [{"starts_at": iso(s), "free": s > at and s in open_at} for s in grid(known, time.calendar)]}


@router.post("/orders", status_code=201, summary="Book: hold the slots until paid", responses=examples.BOOK)
async def book(
    body: OrderRequest,
    who: Customer,
    service: Here,
    idempotency_key: Annotated[str, Header(max_length=80)] = "",
) -> Json:
    room: Room = service.room
    config, at = service.config, now()
    offer = await room.offerings.get(body.offering_id, config, at)
    place = place_of(body.lat, body.lng, body.district or offer["district"])
    start, free_hand = body.start(), who.role == "operator"
    choice = body.choice(start)
    wish = booking.Wish(
        who.user_id, start, body.address, idempotency_key, offer, choice, place, body.expected_fen, free_hand
    )
    try:
        row, new = await booking.hold(service.db, room.times, wish, config.orders, at)
    except Problem as problem:
        room.figures.count_refusal(problem)
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
async def show(order_id: Key, who: Who, service: Here) -> dict[str, Any]:
    room: Room = service.room
    return shown_whole(await room.visible(order_id, who))


@router.post("/orders/{order_id}/cancel", summary="Cancel; what was paid is refunded")
async def cancel(order_id: Key, who: Who, service: Here, body: CancelRequest | None = None) -> dict[str, Any]:
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
async def photo(order_id: Key, who: Who, service: Here) -> FileResponse:
    room: Room = service.room
    row = await room.visible(order_id, who)
    if not row.photo:
        raise not_found("照片")
    return FileResponse(f"{service.config.storage.folder}/{row.photo}")
