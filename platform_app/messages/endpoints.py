"""Reading one's messages, and the events that make them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from sqlalchemy import Row

from platform_app.kit.auth import Who, internal
from platform_app.kit.log import Log
from platform_app.kit.pages import decode_cursor, encode_cursor, page
from platform_app.kit.problem import not_found
from platform_app.kit.service import Here
from platform_app.kit.times import iso, now
from platform_app.messages import repository
from platform_app.messages.figures import Figures
from platform_app.messages.templates import drafts

log = Log("messages")
router = APIRouter(prefix="/api/v1", tags=["messages"])
inner = APIRouter(prefix="/internal", include_in_schema=False, dependencies=[Depends(internal)])


class Event(BaseModel):
    """An event as a neighbour's relay delivers it."""

    id: str
    kind: str
    payload: dict[str, Any]


@inner.post("/events")
async def take(body: Event, service: Here) -> dict[str, Any]:
    """Makes the messages that an event calls for; taken once, however often it is delivered."""
    try:
        wanted = drafts(body.kind, body.payload)
    except (KeyError, TypeError, ValueError) as error:
        log.error("event.unreadable", exc=error, event_id=body.id, kind=body.kind)
        return {"messages": 0, "outcome": "unreadable"}  # repeating it would not make it readable
    added = 0
    if wanted:
        async with service.db.transaction() as c:
            added = await repository.add(c, body.id, body.kind, wanted, now())
        figures: Figures = service.room
        figures.messages.labels(body.kind).inc(added)
    return {"messages": added, "outcome": "taken" if added else "nothing_new"}


@router.get("/messages", summary="My messages, newest first")
async def mine(
    who: Who,
    service: Here,
    unread: bool = False,
    cursor: str = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> dict[str, Any]:
    before = decode_cursor(cursor, 1)[0] if cursor else None
    async with service.db.read() as c:
        rows = await repository.page_of(c, who.user_id, before, unread, limit + 1)
        count = await repository.unread_count(c, who.user_id)
    more = encode_cursor(rows[limit - 1].id) if len(rows) > limit else None
    return {**page([shown(row) for row in rows[:limit]], more), "unread": count}


@router.post("/messages/{message_id}/read", summary="Mark a message as read", status_code=204)
async def read(message_id: int, who: Who, service: Here) -> None:
    async with service.db.transaction() as c:
        if not await repository.exists(c, who.user_id, message_id):
            raise not_found("消息")
        await repository.mark_read(c, who.user_id, now(), message_id)


@router.post("/messages/read", summary="Mark all messages as read")
async def read_all(who: Who, service: Here) -> dict[str, int]:
    async with service.db.transaction() as c:
        return {"read": await repository.mark_read(c, who.user_id, now())}


def shown(row: Row[Any]) -> dict[str, Any]:
    """A message as its reader sees it."""
    return {
        "id": row.id,
        "kind": row.kind,
        "title": row.title,
        "body": row.body,
        "created_at": iso(row.created_at),
        "read_at": iso(row.read_at),
    }
