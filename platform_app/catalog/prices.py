"""What can be ordered of an offering and what it costs: for everybody to see, for its provider to write."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field

from platform_app.catalog import examples, repository
from platform_app.catalog.offers import ChoiceIn, OfferIn, checked, offer_of
from platform_app.catalog.pricing import quote
from platform_app.catalog.room import Room
from platform_app.kit.auth import Principal, require
from platform_app.kit.fields import Key, time_field
from platform_app.kit.problem import not_found
from platform_app.kit.service import Here
from platform_app.kit.times import iso

router = APIRouter(prefix="/api/v1", tags=["catalog"])
Owner = Annotated[Principal, Depends(require("provider", "operator"))]


class QuoteIn(ChoiceIn):
    starts_at: Annotated[str, Field(max_length=40, description="ISO 8601; without a zone it is Asia/Shanghai")]


@router.get(
    "/offerings/{offering_id}/items", summary="Items, options and price rules of an offering", responses=examples.ITEMS
)
async def items(offering_id: Key, here: Here) -> dict[str, Any]:
    room: Room = here.room
    return dict((await room.offering(offering_id))["offer"])


@router.put(
    "/offerings/{offering_id}/items",
    summary="Its provider, or an operator, writes them anew",
    responses=examples.WRITE_ITEMS,
)
async def write(offering_id: Key, body: OfferIn, who: Owner, here: Here) -> dict[str, Any]:
    room: Room = here.room
    checked(body)
    async with here.db.transaction() as c:
        row = await repository.by_id(c, offering_id)
        if row is None or (who.role != "operator" and row.provider_id != who.provider_id):
            raise not_found("服务项目")
        await repository.write(c, offering_id, body)
    room.changed(offering_id)
    return dict((await room.offering(offering_id))["offer"])


@router.post("/offerings/{offering_id}/quote", summary="What a choice costs, line by line", responses=examples.QUOTE)
async def price(offering_id: Key, body: QuoteIn, here: Here) -> dict[str, Any]:
    room: Room = here.room
    found = await room.offering(offering_id)
    starts_at = time_field(body.starts_at)
    offer = offer_of(found["offer"])
    priced = quote(offer, body.choice(starts_at))
    return {"offering_id": offering_id, "starts_at": iso(starts_at), **priced.document()}
