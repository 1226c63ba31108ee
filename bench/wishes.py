"""Bookings to ask for: free starts of the seeded providers, so that no two of them want one half hour."""

from __future__ import annotations

import random
from typing import Any

from sqlalchemy import Engine, select

from platform_app.catalog.tables import offering, service
from platform_app.kit.times import day_of
from platform_app.orders.booking import Wish
from platform_app.orders.slots import GRAIN, LATEST_END, grid
from platform_app.orders.tables import slot
from platform_app.users.tables import user

TRAVEL = 30
_DAY = 86_400


def wishes(engine: Engine, now: int, days: int, most: int) -> list[Wish]:
    """At most `most`, in a random order (the same one for the same seed); each provider's shortest offering."""
    chance = random.Random(1)
    with engine.connect() as c:
        taken = {(p, at) for p, at in c.execute(select(slot.c.provider_id, slot.c.slot_at).where(slot.c.slot_at > now))}
        customers = list(c.execute(select(user.c.id).where(user.c.role == "customer")).scalars())
        offers = _shortest(c.execute(_offers()).mappings().all())
    found: list[Wish] = []
    for day in range(1, days):
        for offer in offers:
            for starts_at in _starts(offer, day_of(now + day * _DAY), taken):
                number = len(found)
                found.append(
                    Wish(customers[number % len(customers)], starts_at, f"测试路 {number} 号", f"b{number}", offer)
                )
    chance.shuffle(found)
    return found[:most]


def _offers() -> Any:
    """What the catalog tells orders about an offering, as rows."""
    columns = [c for c in offering.c if c.name not in ("rating_x100", "created_at", "category_id")]
    names = [service.c.name.label("service_name"), service.c.duration_minutes]
    return select(*columns, *names).join(service, service.c.id == offering.c.service_id).where(offering.c.active)


def _shortest(rows: Any) -> list[dict[str, Any]]:
    best: dict[int, dict[str, Any]] = {}
    for row in rows:
        known = best.get(row["provider_id"])
        if known is None or row["duration_minutes"] < known["duration_minutes"]:
            best[row["provider_id"]] = dict(row)
    return list(best.values())


def _starts(offer: dict[str, Any], day: str, taken: set[tuple[int, int]]) -> list[int]:
    """Starts of one provider's day, one after the other, where every half hour is free."""
    length, found, free_from = (offer["duration_minutes"] + TRAVEL) * 60, [], 0
    starts = grid(day)
    last = starts[0] - 8 * 3600 + LATEST_END - offer["duration_minutes"] * 60
    for at in starts:
        if free_from <= at <= last and not any(
            (offer["provider_id"], s) in taken for s in range(at, at + length, GRAIN)
        ):
            found.append(at)
            free_from = at + length
    return found
