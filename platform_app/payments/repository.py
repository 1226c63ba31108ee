"""Payments in the database. Each change of state appends its event in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import orjson
from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.db import insert_ignore, inserted_id
from platform_app.payments.tables import bill, event, payment

Win = Literal["now", "before", "lost"]
TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    "prepaid": ("created",),
    "failed": ("created",),
    "closed": ("prepaid",),
    "succeeded": ("created", "prepaid", "failed", "closed"),
    "refunded": ("created", "prepaid", "failed", "closed", "succeeded"),
}
"""A state, and those that it may follow. A late notification never sets a payment back."""


async def append(
    c: AsyncConnection, payment_id: int, kind: str, event_id: str, at: int, body: Mapping[str, Any] | None = None
) -> bool:
    """Appends an event once; False when `event_id` is known already."""
    values = {"payment_id": payment_id, "kind": kind, "event_id": event_id, "at": at}
    row = {**values, "body": orjson.dumps(dict(body or {})).decode()}
    return (await c.execute(insert_ignore(event).values(row))).rowcount == 1


async def move(c: AsyncConnection, payment_id: int, to: str, **values: object) -> bool:
    """Brings a payment to state `to`; False when the state it is in does not allow it."""
    allowed = payment.c.status.in_(TRANSITIONS[to])
    statement = update(payment).where(payment.c.id == payment_id, allowed).values(status=to, **values)
    return (await c.execute(statement)).rowcount == 1


async def change(c: AsyncConnection, payment_id: int, **values: object) -> None:
    """Changes what is not state: the next check, the refund."""
    await c.execute(update(payment).where(payment.c.id == payment_id).values(**values))


async def by_trade_no(c: AsyncConnection, out_trade_no: str) -> Row[Any] | None:
    return (await c.execute(select(payment).where(payment.c.out_trade_no == out_trade_no))).first()


async def locked(c: AsyncConnection, payment_id: int) -> Row[Any]:
    """A payment as it is now, locked until the transaction ends."""
    return (await c.execute(select(payment).where(payment.c.id == payment_id).with_for_update())).one()


async def attempts(c: AsyncConnection, order_id: int) -> Sequence[Row[Any]]:
    """All attempts to pay an order, the newest first."""
    query = select(payment).where(payment.c.order_id == order_id).order_by(payment.c.attempt.desc())
    return (await c.execute(query)).all()


async def latest(c: AsyncConnection, order_id: int) -> Row[Any] | None:
    """The newest attempt to pay an order."""
    return next(iter(await attempts(c, order_id)), None)


async def paid(c: AsyncConnection, order_id: int) -> Row[Any] | None:
    """The attempt that paid an order: the one that won, or of before there were several, the newest that succeeded."""
    won = await winner(c, order_id)
    mine = [row for row in await attempts(c, order_id) if row.status in ("succeeded", "refunded")]
    return next((row for row in mine if row.id == won), mine[0] if mine else None)


async def win(c: AsyncConnection, order_id: int, payment_id: int, now: int) -> Win:
    """Makes a payment the one that paid its order, unless another did before. Take this before any other lock."""
    row = {"order_id": order_id, "payment_id": payment_id, "won_at": now}
    if (await c.execute(insert_ignore(bill).values(row))).rowcount == 1:
        return "now"
    return "before" if await winner(c, order_id) == payment_id else "lost"


async def unwin(c: AsyncConnection, order_id: int, payment_id: int) -> None:
    """Takes a win back that turned out to be none, in the same transaction."""
    await c.execute(delete(bill).where(bill.c.order_id == order_id, bill.c.payment_id == payment_id))


async def winner(c: AsyncConnection, order_id: int) -> int | None:
    return (await c.execute(select(bill.c.payment_id).where(bill.c.order_id == order_id))).scalar()


async def supersede(c: AsyncConnection, order_id: int, but: int, now: int) -> None:
    """Has the other open attempts at an order closed at their channels soon."""
    mine = (payment.c.order_id == order_id, payment.c.id != but, payment.c.status.in_(("created", "prepaid")))
    await c.execute(update(payment).where(*mine).values(superseded_at=now, check_at=now))


async def add(c: AsyncConnection, values: Mapping[str, Any]) -> int:
    """A new attempt, `created`; its id. Raises IntegrityError when that attempt exists."""
    payment_id = inserted_id(await c.execute(insert(payment).values(**values, status="created", checks=0)))
    body = {"amount_fen": values["amount_fen"], "channel": values["channel"]}
    await append(c, payment_id, "created", f"{values['out_trade_no']}:created", values["created_at"], body)
    return payment_id


async def due(c: AsyncConnection, now: int, limit: int) -> Sequence[Row[Any]]:
    """Payments that the channel is to be asked about now."""
    query = select(payment).where(payment.c.check_at <= now).order_by(payment.c.check_at).limit(limit)
    return (await c.execute(query)).all()
