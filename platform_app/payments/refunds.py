"""Refunds: asked for by orders, sent to the channel by the check loop until they are done."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from platform_app.kit.log import Log
from platform_app.kit.problem import Problem, not_found
from platform_app.kit.service import Service
from platform_app.payments import repository
from platform_app.payments.room import Room

log = Log("payments.refunds")


async def want(service: Service, event_id: str, out_trade_no: str, order_id: int, reason: str, now: int) -> str:
    """Notes that a payment is to be given back; repeating it changes nothing. Returns the refund's status.

    Raises Problem 404 for a payment that we don't know, 409 for one that was never paid.
    """
    async with service.db.transaction() as c:
        number = out_trade_no
        row = await repository.by_trade_no(c, number) if number else await repository.paid(c, order_id)
        if row is None or row.order_id != order_id:
            raise not_found("支付")
        if row.status not in ("succeeded", "refunded"):
            raise Problem(409, "not_paid", "该笔支付没有成功", payment_status=row.status)
        if not await repository.append(c, row.id, "refund_wanted", f"refund:{event_id}", now, {"reason": reason}):
            return str(row.refund_status)
        if row.refund_status is not None:
            return str(row.refund_status)
        await repository.change(c, row.id, refund_status="wanted", checks=0, check_at=now)
    _note(service, row, reason)
    return "wanted"


def _note(service: Service, row: Row[Any], reason: str) -> None:
    room: Room = service.room
    room.figures.refunds.labels("wanted").inc()
    log.info("refund.wanted", out_trade_no=row.out_trade_no, order_id=row.order_id, reason=reason)
