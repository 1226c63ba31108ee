"""Writes the seed in one transaction, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from sqlalchemy import Connection, Integer, MetaData, Table, insert, select

from platform_app.catalog.tables import category, item, offering, option, rules, service
from platform_app.kit.db import sync_engine
from platform_app.kit.times import day_of, midnight
from platform_app.orders.tables import calendar, order, slot
from platform_app.providers.tables import provider
from platform_app.seed import offers
from platform_app.seed.history import DAYS, history
from platform_app.seed.people import DAY, people
from platform_app.users.tables import activity, user

SEED = 20260101
CHUNK = 2_000


def seed(url: str, now: int, on_progress: Callable[[str], None]) -> bool:
    """Fills an empty database with 60 days up to `now`; False when people are there already."""
    engine = sync_engine(url)
    try:
        with engine.begin() as c:
            if c.execute(select(user.c.id).limit(1)).first() is not None:
                return False
            _write(c, now, on_progress)
            return True
    finally:
        engine.dispose()


def _write(c: Connection, now: int, on_progress: Callable[[str], None]) -> None:
    random = Random(SEED)
    first_day = midnight(day_of(now)) - DAYS * DAY
    who = people(random, first_day)
    what = history(random, who, first_day, now)
    done = Counter(o["provider_id"] for o in what.orders if o["status"] == "completed")
    for row in who.providers:
        row["orders_done"] += done[row["id"]]
    payment = Table("payments_payment", MetaData(), autoload_with=c)
    for table, rows in (
        (user, who.users),
        (provider, who.providers),
        (category, who.categories),
        (service, who.services),
        (offering, who.offerings),
        (item, list(offers.items(who.offerings, who.services))),
        (option, list(offers.options(who.offerings))),
        (rules, list(offers.rules(who.offerings))),
        (calendar, list(offers.calendars(who.providers))),
        (order, what.orders),
        (slot, what.slots),
        (payment, [_fitting(payment, row) for row in what.payments]),
        (activity, what.activity),
    ):
        _insert(c, table, rows)
        on_progress(f"seed: {len(rows)} rows in {table.name}")


def _insert(c: Connection, table: Table[Any], rows: Sequence[dict[str, Any]]) -> None:
    for start in range(0, len(rows), CHUNK):
        c.execute(insert(table), rows[start : start + CHUNK])


def _fitting(table: Table[Any], row: dict[str, Any]) -> dict[str, Any]:
    """A row cut and filled to a table of another service: what it requires and we do not know is empty."""
    known = {name: value for name, value in row.items() if name in table.c}
    for column in table.c:
        if column.name not in known and not column.nullable and column.server_default is None:
            known[column.name] = 0 if isinstance(column.type, Integer) else ""
    return known
