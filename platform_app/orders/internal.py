"""What orders offers its neighbours."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from platform_app.kit.auth import internal
from platform_app.kit.fields import day_field
from platform_app.kit.log import Log
from platform_app.kit.problem import not_found
from platform_app.kit.service import Here
from platform_app.kit.times import iso, midnight, now
from platform_app.orders import payments, repository
from platform_app.orders.places import place_of
from platform_app.orders.room import Room
from platform_app.orders.schemas import PaymentEventIn
from platform_app.orders.slots import Ask, day_window, starts
from platform_app.orders.transitions import STATUSES

log = Log("orders.payments")
router = APIRouter(prefix="/internal", include_in_schema=False, dependencies=[Depends(internal)])


@router.get("/orders/{order_id}")
async def show(order_id: int, service: Here) -> dict[str, Any]:
    """What payments must know: amount, status, whose, until when the hold lasts (epoch seconds)."""
    async with service.db.read() as c:
        row = await repository.by_id(c, order_id)
    if row is None:
        raise not_found("订单")
    names = ("id", "no", "user_id", "provider_id", "service_name", "status", "amount_fen", "hold_until", "starts_at")
    return {name: getattr(row, name) for name in names}


@router.post("/payments")
async def payment(body: PaymentEventIn, service: Here) -> dict[str, Any]:
    """A payment event; taken once, however often it is delivered."""
    room: Room = service.room
    paid = body.payload
    money = (paid.amount_fen, paid.left_fen)
    event = payments.PaymentEvent(body.id, body.kind, paid.order_id, paid.out_trade_no, *money)
    async with service.db.transaction() as c:
        outcome = await payments.take(c, room.times, event, service.config.orders, now())
    if outcome in STATUSES:
        room.figures.orders.labels(outcome).inc()
    log.info("payment.taken", event_id=body.id, kind=body.kind, order_id=paid.order_id, outcome=outcome)
    return {"outcome": outcome}


class Asked(BaseModel):
    """An offering whose provider may have time for so many minutes."""

    id: int
    provider_id: int
    minutes: Annotated[int, Field(ge=1, le=1440)]


class WhoHasTime(BaseModel):
    """On which day, starting within [start, end] minutes of it; `district`: where the work is."""

    asked: Annotated[list[Asked], Field(max_length=100)]
    day: str
    start: int
    end: int
    district: str = ""


@router.post("/free")
async def free(body: WhoHasTime, service: Here) -> dict[str, Any]:
    """Offering → its first start of the range; those without one are left out."""
    room: Room = service.room
    day, rules, at = day_field(body.day), service.config.orders, now()
    zero = midnight(day)
    providers = sorted({a.provider_id for a in body.asked})
    async with service.db.read() as c:
        times = await room.times.seen(c, providers, *day_window(day, rules), rules, at)
    found: dict[str, Any] = {}
    for asked in body.asked:
        time, ask = times[asked.provider_id], Ask(asked.minutes, place_of(None, None, body.district))
        open_at = starts(day, ask, time.calendar, time.busy, rules, at)
        first = next((s for s in open_at if body.start * 60 <= s - zero <= body.end * 60), None)
        if first is not None:
            found[str(asked.id)] = iso(first)
    return {"free": found}
