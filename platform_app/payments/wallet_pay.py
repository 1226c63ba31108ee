"""Paying an order from the wallet: attempt, entry, win and the news of it in one transaction, or nothing."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.problem import Problem
from platform_app.kit.service import Service
from platform_app.payments import repository, wallet
from platform_app.payments.attempt import Bill, bill_of, check_free, next_number
from platform_app.payments.room import Room
from platform_app.payments.telling import WINNERS, facts, tell

CHANNEL, GATEWAY = "wallet", "own"


async def pay(service: Service, user_id: int, order_id: int, now: int) -> Row[Any]:
    """Pays an order; the attempt. Raises Problem 404, 409 `insufficient_balance`, `paid_already` or `not_payable`."""
    bill = await bill_of(service, user_id, order_id, now)
    try:
        async with service.db.transaction() as c:
            row = await _pay(c, bill, now)
    except IntegrityError as error:
        raise Problem(409, "payment_in_progress", "正在发起支付,请稍候", headers={"Retry-After": "1"}) from error
    room: Room = service.room
    room.figures.entries.labels("pay").inc()
    room.figures.payments.labels(CHANNEL, GATEWAY, "succeeded").inc()
    return row


async def _pay(c: AsyncConnection, bill: Bill, now: int) -> Row[Any]:
    before = await repository.attempts(c, bill.order_id)
    check_free(before, now)
    number = next_number(before)
    trade_no = f"{bill.no}{number:02d}"
    own = {"order_id": bill.order_id, "attempt": number, "user_id": bill.user_id, "out_trade_no": trade_no}
    more = {"channel": CHANNEL, "gateway": GATEWAY, "amount_fen": bill.amount_fen}
    payment_id = await repository.add(c, {**own, **more, "created_at": now, "expires_at": bill.hold_until})
    if await repository.win(c, bill.order_id, payment_id, now) == "lost":
        raise Problem(409, "paid_already", "订单已支付")
    await wallet.change(c, wallet.Change(bill.user_id, "pay", bill.amount_fen, f"{trade_no}:pay", trade_no), now)
    await repository.append(c, payment_id, "succeeded", f"{trade_no}:paid", now)
    await repository.move(c, payment_id, "succeeded", succeeded_at=now)
    await repository.supersede(c, bill.order_id, payment_id, now)
    row = await repository.by_trade_no(c, trade_no)
    assert row is not None
    await tell(c, "payment.succeeded", facts(row, row.amount_fen, now), WINNERS, now, f"{trade_no}:succeeded")
    return row
