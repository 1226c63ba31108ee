"""Money came, or went back: what a verified answer or notification of the channel changes. Safe to repeat, in any order."""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.outbox import publish
from platform_app.payments import repository
from platform_app.payments.channel import Refund, Trade

Outcome = Literal["taken", "repeated", "mismatch"]


async def take_trade(c: AsyncConnection, row: Row[Any], trade: Trade, event_id: str, now: int) -> Outcome:
    """A trade was paid: the payment has succeeded, and orders is told, once."""
    if trade.amount_fen != row.amount_fen:
        await repository.append(c, row.id, "amount_mismatch", f"{event_id}:mismatch", now, trade.raw)
        return "mismatch"
    if not await repository.append(c, row.id, "succeeded", event_id, now, trade.raw):
        return "repeated"
    values = {"transaction_id": trade.transaction_id, "succeeded_at": now, "check_at": None, "failure": None}
    if not await repository.move(c, row.id, "succeeded", **values):
        return "repeated"
    await _tell(c, row, "succeeded", now)
    return "taken"


async def take_refund(c: AsyncConnection, row: Row[Any], refund: Refund, event_id: str, now: int) -> Outcome:
    """A refund was paid out: the payment is refunded, and orders is told, once."""
    if refund.amount_fen != row.amount_fen:
        await repository.append(c, row.id, "amount_mismatch", f"{event_id}:mismatch", now, refund.raw)
        return "mismatch"
    if not await repository.append(c, row.id, "refunded", event_id, now, refund.raw):
        return "repeated"
    values = {"refund_status": "done", "refunded_at": now, "check_at": None}
    if not await repository.move(c, row.id, "refunded", **values):
        return "repeated"
    await _tell(c, row, "refunded", now)
    return "taken"


async def _tell(c: AsyncConnection, row: Row[Any], status: str, now: int) -> None:
    payload = {
        "order_id": row.order_id,
        "user_id": row.user_id,
        "out_trade_no": row.out_trade_no,
        "amount_fen": row.amount_fen,
        "channel": row.channel,
        "at": now,
    }
    own = f"{row.out_trade_no}:{status}"
    await publish(c, "payments", f"payment.{status}", payload, to=("orders", "settlement"), now=now, event_id=own)
