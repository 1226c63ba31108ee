"""Payments in the database. Each change of state appends its event in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.db import insert_ignore, inserted_id
from platform_app.payments.tables import event, payment

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


async def latest(c: AsyncConnection, order_id: int) -> Row[Any] | None:
    """The newest attempt to pay an order."""
    query = select(payment).where(payment.c.order_id == order_id).order_by(payment.c.attempt.desc()).limit(1)
    return (await c.execute(query)).first()


async def paid(c: AsyncConnection, order_id: int) -> Row[Any] | None:
    """The newest attempt at an order that holds or held its money."""
    mine = (payment.c.order_id == order_id, payment.c.status.in_(("succeeded", "refunded")))
    return (await c.execute(select(payment).where(*mine).order_by(payment.c.attempt.desc()).limit(1))).first()


async def add(c: AsyncConnection, values: Mapping[str, Any]) -> int:
    """A new attempt, `created`; its id. Raises IntegrityError when that attempt exists."""
    payment_id = inserted_id(await c.execute(insert(payment).values(**values, status="created", checks=0)))
    await append(c, payment_id, "created", f"{values['out_trade_no']}:created", values["created_at"])
    return payment_id


async def due(c: AsyncConnection, now: int, limit: int) -> Sequence[Row[Any]]:
    """Payments that the channel is to be asked about now."""
    query = select(payment).where(payment.c.check_at <= now).order_by(payment.c.check_at).limit(limit)
    return (await c.execute(query)).all()


async def open_count(c: AsyncConnection) -> int:
    """How many payments wait for the channel."""
    query = select(func.count()).select_from(payment).where(payment.c.check_at.is_not(None))
    return int((await c.execute(query)).scalar_one())
