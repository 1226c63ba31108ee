"""Searching offerings: filters, order and cursor as one pure query.

A cursor holds the last row's sort key and id, so that rows that appear meanwhile move nothing: every row that was
there from the first page to the last is seen exactly once. Ties go the way of the sort, as the indexes do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, or_, select, true
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
MOST_ROUNDS = 5
"""How many pages of the list are looked through for one page of those who have time."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a customer looks for; empty and zero mean no matter. `named`: services that `q` names."""

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
    named: tuple[int, ...] = ()

    def further(self, cursor: str) -> Wish:
        return replace(self, cursor=cursor)


@dataclass(frozen=True, slots=True)
class Free:
    """A time at which a provider shall be free: a start on a day, [start, end] minutes of it."""

    day: str
    start: int
    end: int
    district: str = ""


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
    found: list[ColumnElement[bool]] = [offering.c.active == true()]
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
        by_name = offering.c.provider_name.contains(wish.q, autoescape=True)
        found.append(or_(offering.c.service_id.in_(wish.named), by_name) if wish.named else by_name)
    key, falling = _KEYS[wish.sort]
    last = offering.c.id
    if wish.cursor:
        value, number = decode_cursor(wish.cursor, 2)
        if falling:
            found.append(and_(key <= value, or_(key < value, last < number)))
        else:
            found.append(and_(key >= value, or_(key > value, last > number)))
    order = (key.desc(), last.desc()) if falling else (key.asc(), last.asc())
    return joined().where(*found).order_by(*order).limit(wish.limit + 1)


def next_cursor(wish: Wish, rows: list[Row[Any]]) -> str | None:
    """The cursor after a page's last row, given the rows that `search` found; None on the last page."""
    return cursor_after(wish, rows[wish.limit - 1]) if len(rows) > wish.limit else None


def cursor_after(wish: Wish, row: Row[Any]) -> str:
    """The cursor that goes on behind a row."""
    return encode_cursor(int(getattr(row, _KEYS[wish.sort][0].name)), row.id)


def shown(row: Row[Any]) -> dict[str, Any]:
    """An offering in a list."""
    return {
        "id": row.id,
        "service_id": row.service_id,
        "service_name": row.service_name,
        "category_id": row.category_id,
        "category_name": row.category_name,
        "provider_id": row.provider_id,
        "provider_name": row.provider_name,
        "district": row.district,
        "rating": row.rating_x100 / 100,
        "price_fen": row.price_fen,
        "duration_minutes": row.duration_minutes,
    }
