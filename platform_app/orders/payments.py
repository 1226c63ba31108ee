"""What a payment event does to an order. Idempotent by the event's id and by the trade it is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.config import Orders
from platform_app.kit.db import insert_ignore
from platform_app.kit.outbox import publish
from platform_app.orders import booking, repository
from platform_app.orders.availability import Times
from platform_app.orders.events import REFUND_REQUESTED, REFUNDED, SUCCEEDED
from platform_app.orders.slots import slots_of, window
from platform_app.orders.tables import event


@dataclass(frozen=True, slots=True)
class PaymentEvent:
    """An event of payments' outbox."""

    id: str
    kind: str
    order_id: int
    out_trade_no: str
    amount_fen: int
    left_fen: int = 0
    """What of the trade has not gone back yet, after a refund."""


async def take(c: AsyncConnection, times: Times, what: PaymentEvent, rules: Orders, now: int) -> str:
    """Applies an event inside the caller's transaction; the order's new status, or why nothing changed:
    `repeated`, `unknown_order`, `ignored`, `refund_requested` (a second or wrong payment goes back)."""
    if (await c.execute(insert_ignore(event).values(event_id=what.id, at=now))).rowcount == 0:
        return "repeated"
    row = await repository.by_id(c, what.order_id)
    if row is None:
        return "unknown_order"
    if what.kind == SUCCEEDED:
        return await _succeeded(c, times, row, what, rules, now)
    if what.kind == REFUNDED and what.out_trade_no == row.paid_trade_no and not what.left_fen:
        moved = await repository.move(c, row.id, "refunded", now)
        return "refunded" if moved is not None else "ignored"
    return "ignored"


async def _succeeded(
    c: AsyncConnection, times: Times, row: Row[Any], what: PaymentEvent, rules: Orders, now: int
) -> str:
    if row.paid_trade_no == what.out_trade_no:
        return "repeated"
    if what.amount_fen != row.amount_fen:
        return await _send_back(c, what, "amount_mismatch", now)
    trade = {"paid_trade_no": what.out_trade_no}
    if await repository.move(c, row.id, "pay", now, **trade) is not None:
        return "paid"
    if await _reclaim(c, times, row, trade, rules, now):
        return "paid"
    if await repository.move(c, row.id, "refund_late", now, "paid_too_late", **trade) is not None:
        await _send_back(c, what, "paid_too_late", now)
        return "refunding"
    return await _send_back(c, what, "paid_twice", now)


async def _reclaim(
    c: AsyncConnection, times: Times, row: Row[Any], trade: dict[str, str], rules: Orders, now: int
) -> bool:
    """Revives an expired order, if its time is still ahead and could still be booked."""
    if row.starts_at <= now:
        return False
    slots = slots_of(row.starts_at, (row.ends_at - row.starts_at) // 60, rules.travel_minutes)
    time = await times.locked(c, row.provider_id, *window(row.starts_at, row.ends_at, rules), rules, now)
    if not booking.reclaimable(time, row, slots, rules):
        return False
    try:
        async with c.begin_nested():
            if await repository.move(c, row.id, "reclaim", now, cancelled_at=None, cancel_reason=None, **trade) is None:
                return False
            await repository.claim(c, row, slots, None)
    except IntegrityError:
        return False
    return True


async def _send_back(c: AsyncConnection, what: PaymentEvent, reason: str, now: int) -> str:
    await request_refund(c, what.order_id, what.out_trade_no, what.amount_fen, reason, now)
    return "refund_requested"


async def request_refund(
    c: AsyncConnection, order_id: int, out_trade_no: str, amount_fen: int, reason: str, now: int
) -> None:
    """Asks payments to give a trade's money back."""
    payload = {"order_id": order_id, "out_trade_no": out_trade_no, "amount_fen": amount_fen, "reason": reason}
    await publish(c, "orders", REFUND_REQUESTED, payload, to="payments", now=now)
