"""Providers, in the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.db import insert_ignore
from platform_app.providers.tables import event, provider


async def by_id(connection: AsyncConnection, provider_id: int) -> Row[Any] | None:
    return (await connection.execute(select(provider).where(provider.c.id == provider_id))).first()


async def by_user(connection: AsyncConnection, user_id: int) -> Row[Any] | None:
    return (await connection.execute(select(provider).where(provider.c.user_id == user_id))).first()


async def best(connection: AsyncConnection, district: str, limit: int) -> list[Row[Any]]:
    """The best rated ones first; `district` '' is the whole city."""
    query = select(provider).order_by(provider.c.rating_x100.desc(), provider.c.orders_done.desc()).limit(limit)
    if district:
        query = query.where(provider.c.district == district)
    return list((await connection.execute(query)).all())


async def count_done(connection: AsyncConnection, provider_id: int, event_id: str, now: int) -> bool:
    """Counts a completed order once; False when this event was taken before."""
    taken = await connection.execute(insert_ignore(event).values(event_id=event_id, at=now))
    if taken.rowcount == 0:
        return False
    more = update(provider).where(provider.c.id == provider_id).values(orders_done=provider.c.orders_done + 1)
    await connection.execute(more)
    return True
