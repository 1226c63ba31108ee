"""Providers, in the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.db import insert_ignore
from platform_app.providers.tables import event, provider


async def by_id(connection: AsyncConnection, provider_id: int) -> Row[Any] | None:
    return (await connection.execute(select(provider).where(provider.c.id == provider_id))).first()


async def by_user(connection: AsyncConnection, user_id: int) -> Row[Any] | None:
    return (await connection.execute(select(provider).where(provider.c.user_id == user_id))).first()


def best(district: str, limit: int) -> Select[Any]:
    """The query for the best rated ones, best first; `district` '' is the whole city. Ties as the indexes have them."""
    order = (provider.c.rating_x100.desc(), provider.c.orders_done.desc(), provider.c.id.desc())
    query = select(provider).order_by(*order).limit(limit)
    return query.where(provider.c.district == district) if district else query


async def count_done(connection: AsyncConnection, provider_id: int, event_id: str, now: int) -> bool:
    """Counts a completed order once; False when this event was taken before."""
    taken = await connection.execute(insert_ignore(event).values(event_id=event_id, at=now))
    if taken.rowcount == 0:
        return False
    more = update(provider).where(provider.c.id == provider_id).values(orders_done=provider.c.orders_done + 1)
    await connection.execute(more)
    return True
