"""Offers in the database: what an offering's items, options and rules are, and writing them whole."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.catalog.offers import OfferIn, default_offer
from platform_app.catalog.pricing import Item, Offer, Option, Rules
from platform_app.catalog.search import joined
from platform_app.catalog.tables import item, offering, option, rules


async def by_id(c: AsyncConnection, offering_id: int) -> Row[Any] | None:
    """An offering with the names of its service and category."""
    row: Row[Any] | None = (await c.execute(joined().where(offering.c.id == offering_id))).first()
    return row


async def offer(c: AsyncConnection, row: Row[Any]) -> Offer:
    """What can be ordered of an offering; of one without items: its service at its price."""
    items = (await c.execute(select(item).where(item.c.offering_id == row.id).order_by(item.c.position))).all()
    if not items:
        return default_offer(row._asdict())
    query = select(option).where(option.c.offering_id == row.id).order_by(option.c.position)
    options = (await c.execute(query)).all()
    own = (await c.execute(select(rules).where(rules.c.offering_id == row.id))).first()
    return Offer(
        tuple(Item(**{n: getattr(i, n) for n in Item.__slots__}) for i in items),
        tuple(Option(**{n: getattr(o, n) for n in Option.__slots__}) for o in options),
        _rules(own) if own is not None else Rules(),
    )


def _rules(row: Row[Any]) -> Rules:
    values = {name: getattr(row, name) for name in Rules.__slots__}
    return Rules(**{**values, "districts": orjson.loads(row.districts)})


async def write(c: AsyncConnection, offering_id: int, given: OfferIn) -> None:
    """Puts a whole offer in the place of what was there; the list shows its first item's price."""
    await c.execute(update(offering).where(offering.c.id == offering_id).values(price_fen=given.items[0].base_fen))
    for table, rows in ((item, given.items), (option, given.options)):
        await c.execute(delete(table).where(table.c.offering_id == offering_id))
        values = [{"offering_id": offering_id, "position": n, **row.model_dump()} for n, row in enumerate(rows)]
        if values:
            await c.execute(insert(table), values)
    await c.execute(delete(rules).where(rules.c.offering_id == offering_id))
    kept = given.rules.model_dump()
    kept["districts"] = orjson.dumps(kept["districts"]).decode()
    await c.execute(insert(rules).values(offering_id=offering_id, **kept))
