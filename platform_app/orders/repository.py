"""Orders and slots in the database. Every function runs inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.db import inserted_id
from platform_app.kit.outbox import publish
from platform_app.orders.events import described, kind_of, targets_of
from platform_app.orders.tables import order, slot
from platform_app.orders.transitions import TRANSITIONS

_ADD, _CLAIM = insert(order), insert(slot)


async def claim(connection: AsyncConnection, row: Any, slots: Sequence[int], hold_until: int | None) -> None:
    """Takes half hours for an order, ascending. Raises IntegrityError when one is taken.

    Handed over as many rows of one statement, which SQLAlchemy compiles once; asyncmy sends them as one INSERT.
    """
    same = {"provider_id": row.provider_id, "order_id": row.id, "hold_until": hold_until}
    same |= {"ends_at": row.ends_at, "lat_e6": row.lat_e6, "lng_e6": row.lng_e6}
    await connection.execute(_CLAIM, [{**same, "slot_at": at} for at in slots])


async def add(connection: AsyncConnection, values: dict[str, Any]) -> int:
    """Inserts an order; its id. Raises IntegrityError when its idempotency key was used before."""
    return inserted_id(await connection.execute(_ADD, values))


async def by_id(connection: AsyncConnection, order_id: int) -> Row[Any] | None:
    row: Row[Any] | None = (await connection.execute(select(order).where(order.c.id == order_id))).first()
    return row


async def by_key(connection: AsyncConnection, user_id: int, key: str) -> Row[Any] | None:
    query = select(order).where(order.c.user_id == user_id, order.c.idempotency_key == key)
    row: Row[Any] | None = (await connection.execute(query)).first()
    return row


async def move(
    connection: AsyncConnection, order_id: int, verb: str, now: int, reason: str = "", **values: Any
) -> Row[Any] | None:
    """Takes an order one step along TRANSITIONS and publishes it; None when its state does not allow that.

    The state is checked by the UPDATE itself, so two callers cannot both succeed.
    """
    step = TRANSITIONS[verb]
    changed = {"status": step.target, **values}
    if step.stamp:
        changed[step.stamp] = now
    if reason:
        changed["cancel_reason"] = reason
    where = (order.c.id == order_id, order.c.status.in_(step.sources))
    if (await connection.execute(update(order).where(*where).values(changed))).rowcount == 0:
        return None
    if step.frees:
        await connection.execute(delete(slot).where(slot.c.order_id == order_id))
    if step.target == "paid":
        await connection.execute(update(slot).where(slot.c.order_id == order_id).values(hold_until=None))
    row = await by_id(connection, order_id)
    assert row is not None
    payload = described(row, step.target, reason)
    await publish(connection, "orders", kind_of(step.target), payload, to=targets_of(step.target), now=now)
    return row


async def due(connection: AsyncConnection, now: int, limit: int, provider_id: int = 0) -> list[int]:
    """Orders whose hold has run out at `now`; of one provider, if given."""
    query = select(order.c.id).where(order.c.status == "held", order.c.hold_until <= now).limit(limit)
    if provider_id:
        query = query.where(order.c.provider_id == provider_id)
    return list((await connection.execute(query)).scalars())
