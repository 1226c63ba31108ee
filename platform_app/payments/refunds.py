"""Refunds asked for, by orders or a person: whole or part, several per attempt up to its amount."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from platform_app.kit.log import Log
from platform_app.kit.problem import Problem, not_found
from platform_app.kit.service import Service
from platform_app.payments import refund_rows, repository
from platform_app.payments.room import Room

log = Log("payments.refunds")


async def want(service: Service, wish: refund_rows.Wish, out_trade_no: str, order_id: int, now: int) -> str:
    """Notes what orders wants given back, at most what is left; repeating it changes nothing. The refund's status.

    Raises Problem 404 for a payment that we don't know, 409 for one that was never paid.
    """
    async with service.db.transaction() as c:
        number = out_trade_no
        row = await repository.by_trade_no(c, number) if number else await repository.paid(c, order_id)
        if row is None or row.order_id != order_id or order_id < 0:
            raise not_found("支付")
        if row.status not in ("succeeded", "refunded"):
            raise Problem(409, "not_paid", "该笔支付没有成功", payment_status=row.status)
        row = await repository.locked(c, row.id)
        before = await refund_rows.by_asker(c, wish.asked_by)
        left = row.amount_fen - row.reserved_fen
        if before is not None or left == 0 or row.status == "refunded":
            return str(before.status if before is not None else row.refund_status)
        most = None if wish.amount_fen is None else min(wish.amount_fen, left)
        cut = refund_rows.Wish(wish.asked_by, most, wish.reason, wish.target)
        made = await refund_rows.reserve(c, row.id, cut, now)
    assert made is not None
    note(service, row, made)
    return str(made.status)


async def ask(service: Service, out_trade_no: str, wish: refund_rows.Wish, now: int) -> Row[Any]:
    """A person's refund of an exact amount. Raises Problem 404, 409 `refund_too_much` or `not_paid`."""
    async with service.db.transaction() as c:
        row = await repository.by_trade_no(c, out_trade_no)
        if row is None or row.order_id < 0:
            raise not_found("支付")
        row = await repository.locked(c, row.id)
        before = await refund_rows.by_asker(c, wish.asked_by)
        if before is not None:
            if before.payment_id != row.id or wish.amount_fen not in (None, before.amount_fen):
                raise Problem(409, "key_reused", "该幂等键已用于另一笔退款")
            return before
        if row.status not in ("succeeded", "refunded"):
            raise Problem(409, "not_paid", "该笔支付没有成功", payment_status=row.status)
        made = await refund_rows.reserve(c, row.id, wish, now)
        if made is None:
            left = row.amount_fen - row.reserved_fen
            raise Problem(409, "refund_too_much", "退款金额超过可退金额", left_fen=left)
    note(service, row, made)
    return made


def note(service: Service, row: Row[Any], made: Row[Any]) -> None:
    room: Room = service.room
    room.figures.refunds.labels("wanted").inc()
    if made.status == "done":
        room.figures.refunds.labels("done").inc()
        room.figures.entries.labels("refund").inc()
    facts = {"out_refund_no": made.out_refund_no, "order_id": row.order_id, "amount_fen": made.amount_fen}
    log.info("refund.wanted", **facts, reason=made.reason)
