"""Refunds in the database: reserved against their attempt's amount, done once, each with a number of its own.

A payment's row is locked first, then its refund's: what is asked back never exceeds what was paid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.payments import repository, wallet
from platform_app.payments.tables import refund
from platform_app.payments.telling import WINNERS, facts, tell

Target = Literal["channel", "wallet"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be given back of a payment; `amount_fen` None: all that is left. `asked_by`: once by this key."""

    asked_by: str
    amount_fen: int | None
    reason: str
    target: Target = "channel"


async def by_asker(c: AsyncConnection, asked_by: str) -> Row[Any] | None:
    return (await c.execute(select(refund).where(refund.c.asked_by == asked_by))).first()


async def by_number(c: AsyncConnection, out_refund_no: str) -> Row[Any] | None:
    return (await c.execute(select(refund).where(refund.c.out_refund_no == out_refund_no))).first()


async def of_payment(c: AsyncConnection, payment_id: int) -> Sequence[Row[Any]]:
    return (await c.execute(select(refund).where(refund.c.payment_id == payment_id).order_by(refund.c.id))).all()


async def due(c: AsyncConnection, now: int, limit: int) -> Sequence[Row[Any]]:
    """Refunds that the channel is to be asked for or about now."""
    query = select(refund).where(refund.c.check_at <= now).order_by(refund.c.check_at).limit(limit)
    return (await c.execute(query)).all()


async def change(c: AsyncConnection, refund_id: int, **values: object) -> None:
    await c.execute(update(refund).where(refund.c.id == refund_id).values(**values))


async def reserve(c: AsyncConnection, payment_id: int, wish: Wish, now: int) -> Row[Any] | None:
    """Makes a refund `wanted`; None when the attempt has not that much left. A wallet gets its money at once."""
    row = await repository.locked(c, payment_id)
    left = row.amount_fen - row.reserved_fen
    amount = left if wish.amount_fen is None else wish.amount_fen
    if row.status != "succeeded" or not 0 < amount <= left:
        return None
    number = number_of(row.out_trade_no, row.refunds)
    target = "wallet" if row.channel == "wallet" else wish.target
    made = await _insert(c, row, number, wish.asked_by, amount, target, wish.reason, now)
    body = {"out_refund_no": number, "amount_fen": amount, "target": target, "reason": wish.reason}
    await repository.append(c, row.id, "refund_wanted", f"{number}:wanted", now, body)
    if target == "wallet":
        back = wallet.Change(row.user_id, "refund", amount, f"{number}:wallet", row.out_trade_no)
        await wallet.change(c, back, now)
        await complete(c, made, f"{number}:done", {}, now)
    return await by_number(c, number)


def number_of(out_trade_no: str, before: int) -> str:
    """The number of an attempt's next refund, when there were `before`."""
    return f"R{out_trade_no}" + (f"{before:02d}" if before else "")


async def adopt(c: AsyncConnection, payment_id: int, number: str, amount_fen: int, now: int) -> Row[Any] | None:
    """A refund that the channel made without us (its merchants' site); None when there is not that much left."""
    row = await repository.locked(c, payment_id)
    if not 0 < amount_fen <= row.amount_fen - row.reserved_fen:
        return None
    body = {"out_refund_no": number, "amount_fen": amount_fen, "target": "channel", "reason": "by channel"}
    await repository.append(c, row.id, "refund_wanted", f"{number}:wanted", now, body)
    return await _insert(c, row, number, number, amount_fen, "channel", "by channel", now)


async def _insert(
    c: AsyncConnection, row: Row[Any], number: str, asked_by: str, amount: int, target: str, reason: str, now: int
) -> Row[Any]:
    values = {"payment_id": row.id, "out_refund_no": number, "asked_by": asked_by, "amount_fen": amount}
    more = {"target": target, "reason": reason[:80], "status": "wanted", "created_at": now, "checks": 0}
    await c.execute(insert(refund).values(**values, **more, check_at=now))
    counted = {"reserved_fen": row.reserved_fen + amount, "refunds": row.refunds + 1, "refund_status": "wanted"}
    await repository.change(c, row.id, **counted)
    found = await by_number(c, number)
    assert found is not None
    return found


async def complete(c: AsyncConnection, what: Row[Any], event_id: str, raw: Mapping[str, Any], now: int) -> bool:
    """The money has gone back: counted once, told once; False when it was before."""
    row = await repository.locked(c, what.payment_id)
    open_ = (refund.c.id == what.id, refund.c.status != "done")
    done = update(refund).where(*open_).values(status="done", done_at=now, check_at=None)
    if (await c.execute(done)).rowcount == 0:
        return False
    body = {"out_refund_no": what.out_refund_no, "amount_fen": what.amount_fen, "raw": dict(raw)}
    await repository.append(c, row.id, "refunded", event_id, now, body)
    gone = row.refunded_fen + what.amount_fen
    again = what.amount_fen if what.status == "refused" else 0  # they refused, and did it after all
    values = {
        "refunded_fen": gone,
        "reserved_fen": row.reserved_fen + again,
        "refund_status": "done",
        "refunded_at": now,
    }
    await repository.change(c, row.id, **values)
    if gone >= row.amount_fen:
        await repository.move(c, row.id, "refunded", check_at=None)
    payload = facts(row, what.amount_fen, now)
    payload |= {"out_refund_no": what.out_refund_no, "target": what.target, "left_fen": row.amount_fen - gone}
    await tell(c, "payment.refunded", payload, WINNERS, now, f"{what.out_refund_no}:refunded"[-40:])
    return True


async def refuse(c: AsyncConnection, what: Row[Any], code: str, now: int) -> None:
    """The channel will never do it: what was reserved is free again."""
    row = await repository.locked(c, what.payment_id)
    open_ = (refund.c.id == what.id, refund.c.status.in_(("wanted", "sent")))
    gone = update(refund).where(*open_).values(status="refused", failure=code, check_at=None)
    if (await c.execute(gone)).rowcount == 1:
        body = {"out_refund_no": what.out_refund_no, "amount_fen": what.amount_fen, "code": code}
        await repository.append(c, row.id, "refund_refused", f"{what.out_refund_no}:refused", now, body)
        free = row.reserved_fen - what.amount_fen
        await repository.change(c, row.id, reserved_fen=free, refund_status="refused")


async def poke(c: AsyncConnection, out_refund_no: str, now: int) -> None:
    """Has an open refund asked about now."""
    mine = (refund.c.out_refund_no == out_refund_no, refund.c.status.in_(("wanted", "sent")))
    await c.execute(update(refund).where(*mine).values(check_at=now))
