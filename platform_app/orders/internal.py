"""What orders offers its neighbours."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends

from platform_app.kit.auth import internal
from platform_app.kit.log import Log
from platform_app.kit.problem import not_found
from platform_app.kit.service import Here
from platform_app.kit.times import now
from platform_app.orders import payments, repository
from platform_app.orders.room import Room
from platform_app.orders.schemas import PaymentEventIn
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
        outcome = await payments.take(c, event, service.config.orders, now())
    if outcome in STATUSES:
        room.figures.orders.labels(outcome).inc()
    log.info("payment.taken", event_id=body.id, kind=body.kind, order_id=paid.order_id, outcome=outcome)
    return {"outcome": outcome}
