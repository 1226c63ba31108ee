"""The events of orders and payments, as their relays deliver them."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from platform_app.kit.auth import internal
from platform_app.kit.log import Log
from platform_app.kit.service import Here
from platform_app.kit.times import now
from platform_app.settlement import facts
from platform_app.settlement.room import Room

log = Log("settlement.events")
router = APIRouter(prefix="/internal", include_in_schema=False, dependencies=[Depends(internal)])


class Event(BaseModel):
    """An event of a neighbour's outbox."""

    id: Annotated[str, Field(min_length=1, max_length=80)]
    kind: Annotated[str, Field(max_length=64)]
    at: Annotated[int, Field(ge=0, le=1 << 40)]
    payload: dict[str, Any]


@router.post("/events")
async def take(body: Event, service: Here) -> dict[str, Any]:
    """Books an event once, however often and in whatever order it is delivered."""
    if body.kind not in facts.KINDS:
        return {"outcome": "ignored"}
    try:
        fact = facts.read(body.id, body.kind, body.at, body.payload)
    except ValueError as error:
        log.error("event.unreadable", event_id=body.id, kind=body.kind, error=str(error))
        return {"outcome": "unreadable"}  # repeating it would not make it readable
    room: Room = service.room
    at = now()
    if fact.kind == "order.completed":
        fact = dataclasses.replace(fact, rate=await room.rates.of(fact.service_id, room.rules, at))
    taken = await room.take(fact, at)
    log.info("event.taken", event_id=fact.event_id, kind=fact.kind, order_id=fact.order_id, outcome=taken.outcome)
    return {"outcome": taken.outcome}
