"""Searching offerings: filters, order and cursor as one pure query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.engine import Row

from platform_app.catalog.tables import category, offering, service
from platform_app.kit.pages import decode_cursor, encode_cursor

Order = Literal["rating", "price", "-price", "newest"]
_KEYS = {
    "rating": (offering.c.rating_x100, True),
    "price": (offering.c.price_fen, False),
    "-price": (offering.c.price_fen, True),
    "newest": (offering.c.created_at, True),
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a customer looks for; empty and zero mean no matter."""

    category: int = 0
    service: int = 0
    provider: int = 0
    district: str = ""
    min_rating: float = 0
    max_price_fen: int = 0
    q: str = ""
    sort: Order = "rating"
    cursor: str = ""
    limit: int = 20


def joined() -> Select[Any]:
    """Offerings with the names of their service and category."""
    return select(
        offering,
        service.c.name.label("service_name"),
        service.c.duration_minutes,
        category.c.name.label("category_name"),
    ).join_from(
        offering.join(service, service.c.id == offering.c.service_id), category, category.c.id == offering.c.category_id
    )


def search(wish: Wish) -> Select[Any]:
    """The query of one page, with one row more than `limit`, which tells whether another page follows."""
    found: list[ColumnElement[bool]] = [offering.c.active.is_(True)]
    if wish.category:
        found.append(offering.c.category_id == wish.category)
    if wish.service:
        found.append(offering.c.service_id == wish.service)
    if wish.provider:
        found.append(offering.c.provider_id == wish.provider)
    if wish.district:
        found.append(offering.c.district == wish.district)
    if wish.min_rating:
        found.append(offering.c.rating_x100 >= round(wish.min_rating * 100))
    if wish.max_price_fen:
        found.append(offering.c.price_fen <= wish.max_price_fen)
    if wish.q:
        names = (service.c.name, category.c.name, offering.c.provider_name)
        found.append(or_(*(name.contains(wish.q, autoescape=True) for name in names)))
    key, falling = _KEYS[wish.sort]
    if wish.cursor:
        value, last = decode_cursor(wish.cursor, 2)
        beyond = key < value if falling else key > value
        found.append(or_(beyond, and_(key == value, offering.c.id > last)))
    order = key.desc() if falling else key.asc()
    return joined().where(*found).order_by(order, offering.c.id).limit(wish.limit + 1)


def next_cursor(wish: Wish, rows: list[Row[Any]]) -> str | None:
    """The cursor after a page's last row, given the rows that `search` found; None on the last page."""
    if len(rows) <= wish.limit:
        return None
    last = rows[wish.limit - 1]
    return encode_cursor(int(getattr(last, _KEYS[wish.sort][0].name)), last.id)
