"""Messages in the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.db import insert_ignore
from platform_app.messages.tables import message
from platform_app.messages.templates import Draft


async def add(c: AsyncConnection, event_id: str, kind: str, drafts: Sequence[Draft], at: int) -> int:
    """Stores an event's messages; how many were new (0 when the event was taken before)."""
    added = 0
    for draft in drafts:
        row = {"event_id": event_id, "user_id": draft.user_id, "kind": kind, "title": draft.title, "body": draft.body}
        added += (await c.execute(insert_ignore(message).values(**row, created_at=at))).rowcount
    return added


async def page_of(c: AsyncConnection, user_id: int, before: int | None, unread: bool, limit: int) -> Sequence[Row[Any]]:
    """A person's messages, newest first, those before id `before`."""
    query = select(message).where(message.c.user_id == user_id).order_by(message.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(message.c.id < before)
    if unread:
        query = query.where(message.c.read_at.is_(None))
    return (await c.execute(query)).all()


async def unread_count(c: AsyncConnection, user_id: int) -> int:
    mine = (message.c.user_id == user_id, message.c.read_at.is_(None))
    return int((await c.execute(select(func.count()).select_from(message).where(*mine))).scalar_one())


async def mark_read(c: AsyncConnection, user_id: int, at: int, message_id: int | None = None) -> int:
    """Marks one message of a person, or all, as read; how many were unread."""
    statement = update(message).where(message.c.user_id == user_id, message.c.read_at.is_(None)).values(read_at=at)
    if message_id is not None:
        statement = statement.where(message.c.id == message_id)
    return (await c.execute(statement)).rowcount


async def exists(c: AsyncConnection, user_id: int, message_id: int) -> bool:
    query = select(message.c.id).where(message.c.id == message_id, message.c.user_id == user_id)
    return (await c.execute(query)).first() is not None


async def forget(c: AsyncConnection, before: int) -> int:
    """Deletes the messages from before an instant; how many."""
    return (await c.execute(delete(message).where(message.c.created_at < before))).rowcount
