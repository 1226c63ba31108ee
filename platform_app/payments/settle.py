"""Money came, or went back: what a verified answer or notification of a channel changes. Safe to repeat, in any order.

Of several attempts at an order the first success wins, in the transaction that takes it; a later one goes back.
"""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.payments import refund_rows, repository, wallet
from platform_app.payments.channel import Refund, Trade
from platform_app.payments.repository import Win
from platform_app.payments.telling import ALL_MONEY, WINNERS, facts, tell

Outcome = Literal["taken", "twice", "repeated", "mismatch"]


async def take_trade(c: AsyncConnection, row: Row[Any], trade: Trade, event_id: str, now: int) -> Outcome:
    """A trade was paid: the attempt has succeeded, and wins or goes back (`twice`); its neighbours are told, once."""
    if trade.amount_fen != row.amount_fen:
        await repository.append(c, row.id, "amount_mismatch", f"{event_id}:mismatch"[:80], now, trade.raw)
        return "mismatch"
    won: Win = "now" if row.order_id < 0 else await repository.win(c, row.order_id, row.id, now)
    if not await succeed(c, row, trade, event_id, now):
        if won == "now" and row.order_id > 0:
            await repository.unwin(c, row.order_id, row.id)
        return "repeated"
    if row.order_id < 0:
        await _top_up(c, row, now)
        return "taken"
    return await _settle(c, row, won, now)


async def succeed(c: AsyncConnection, row: Row[Any], trade: Trade, event_id: str, now: int) -> bool:
    """The attempt's own step; False when it was taken before, or its money has gone back already."""
    if not await repository.append(c, row.id, "succeeded", event_id, now, trade.raw):
        return False
    values = {"transaction_id": trade.transaction_id, "succeeded_at": now, "check_at": None, "failure": None}
    return await repository.move(c, row.id, "succeeded", **values)


async def _settle(c: AsyncConnection, row: Row[Any], won: Win, now: int) -> Outcome:
    own = f"{row.out_trade_no}:succeeded"
    if won == "lost":
        await tell(c, "payment.succeeded", facts(row, row.amount_fen, now), ALL_MONEY, now, own)
        await refund_rows.reserve(c, row.id, refund_rows.Wish(f"twice:{row.out_trade_no}", None, "paid_twice"), now)
        return "twice"
    await repository.supersede(c, row.order_id, row.id, now)
    await tell(c, "payment.succeeded", facts(row, row.amount_fen, now), WINNERS, now, own)
    return "taken"


async def _top_up(c: AsyncConnection, row: Row[Any], now: int) -> None:
    own = f"{row.out_trade_no}:succeeded"
    await wallet.change(c, wallet.Change(row.user_id, "top_up", row.amount_fen, own, row.out_trade_no), now)
    await tell(c, "wallet.topped_up", facts(row, row.amount_fen, now), ALL_MONEY, now, own)


async def take_refund(c: AsyncConnection, row: Row[Any], refund: Refund, event_id: str, now: int) -> Outcome:
    """A refund was paid out: counted once; one that we never asked for is noted as the channel's own."""
    await repository.locked(c, row.id)
    known = await refund_rows.by_number(c, refund.out_refund_no)
    if known is None:
        known = await refund_rows.adopt(c, row.id, refund.out_refund_no, refund.amount_fen, now)
    if known is None or known.payment_id != row.id or known.amount_fen != refund.amount_fen:
        await repository.append(c, row.id, "amount_mismatch", f"{event_id}:mismatch"[:80], now, refund.raw)
        return "mismatch"
    return "taken" if await refund_rows.complete(c, known, event_id, refund.raw, now) else "repeated"
