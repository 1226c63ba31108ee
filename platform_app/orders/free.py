"""When a provider can do what a customer wants: the starts that can be booked now."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query

from platform_app.catalog.pricing import Choice, quote
from platform_app.kit.fields import BIG, Key, day_field
from platform_app.kit.problem import Problem, not_found
from platform_app.kit.service import Here
from platform_app.kit.times import iso, midnight, now
from platform_app.orders import examples
from platform_app.orders.places import place_of
from platform_app.orders.room import Room
from platform_app.orders.slots import Ask, day_window, starts

router = APIRouter(prefix="/api/v1", tags=["orders"])


@router.get(
    "/providers/{provider_id}/free",
    summary="Starts that can be booked, for what is wanted and where",
    responses=examples.FREE,
)
async def free(
    provider_id: Key,
    service: Here,
    offering: Annotated[int, Query(ge=0, le=BIG)],
    day: Annotated[str, Query(max_length=10, examples=["2026-12-01"])],
    days: Annotated[int, Query(ge=1, le=14)] = 1,
    item: Annotated[int, Query(ge=0, le=BIG)] = 0,
    units: Annotated[int, Query(ge=0, le=1_000)] = 0,
    options: Annotated[str, Query(max_length=200, pattern=r"^(\d{1,15}:\d{1,2}(,\d{1,15}:\d{1,2})*)?$")] = "",
    district: Annotated[str, Query(max_length=32)] = "",
    lat: Annotated[float | None, Query(ge=3, le=54)] = None,
    lng: Annotated[float | None, Query(ge=73, le=136)] = None,
) -> dict[str, Any]:
    """`options`: id:count,id:count. Every start shown can be booked as long as nobody else takes it; no other can."""
    room: Room = service.room
    config, at, first = service.config, now(), day_field(day)
    offer = await room.offerings.get(offering, config, at)
    if offer["provider_id"] != provider_id:
        raise not_found("服务项目")
    if not offer["active"]:
        raise Problem(409, "offering_inactive", "该服务已下架")
    picked = tuple((int(a), int(b)) for a, _, b in (part.partition(":") for part in options.split(",") if part))
    minutes = quote(offer["offer"], Choice(item, units, picked, midnight(first), district)).minutes
    ask = Ask(minutes, place_of(lat, lng, district or offer["district"]))
    rules = config.orders
    wanted = [(date.fromisoformat(first) + timedelta(days=n)).isoformat() for n in range(days)]
    begin, end = day_window(wanted[0], rules)[0], day_window(wanted[-1], rules)[1]
    async with service.db.read() as c:
        time = (await room.times.seen(c, [provider_id], begin, end, rules, at))[provider_id]
    found = [s for each in wanted for s in starts(each, ask, time.calendar, time.busy, rules, at)]
    room.figures.offered.inc(len(found))
    items = [{"starts_at": iso(s), "ends_at": iso(s + minutes * 60)} for s in found]
    return {"minutes": minutes, "items": items}
