"""People and their days, in the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.db import insert_ignore
from platform_app.kit.outbox import publish
from platform_app.kit.times import day_of
from platform_app.users.tables import activity, user


async def by_id(connection: AsyncConnection, user_id: int) -> Row[Any] | None:
    return (await connection.execute(select(user).where(user.c.id == user_id))).first()


async def by_phone_or_new(connection: AsyncConnection, phone: str, now: int) -> Row[Any]:
    """The person of a phone number, held; the first login makes a customer and tells messages."""
    name = f"用户{phone[-4:]}"
    row = {"phone": phone, "name": name, "role": "customer", "created_at": now}
    query = select(user).where(user.c.phone == phone).with_for_update()
    found = (await connection.execute(query)).first()
    if found is None:
        made = await connection.execute(insert_ignore(user).values(row))
        found = (await connection.execute(query)).one()
        if made.rowcount:  # not when somebody took the number at this moment
            await publish(connection, "users", "user.registered", {"user_id": found.id, "name": name}, now=now)
    return found


async def seen(connection: AsyncConnection, user_ids: Sequence[int], now: int) -> None:
    """Marks people as active today; `at` becomes their last sight."""
    if not user_ids:
        return
    day = day_of(now)
    await connection.execute(insert_ignore(activity), [{"user_id": u, "day": day, "at": now} for u in user_ids])
    await connection.execute(
        update(activity).where(activity.c.day == day, activity.c.user_id.in_(user_ids)).values(at=now)
    )
