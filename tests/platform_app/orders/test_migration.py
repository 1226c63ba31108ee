"""Databases of before calendars: what was offered and booked stays, and is bookable and counted as ever."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, MetaData, Table, insert, select, text

from platform_app.catalog.tables import item, rules
from platform_app.kit.config import Orders
from platform_app.kit.db import sync_engine
from platform_app.kit.migrate import upgrade
from platform_app.orders.slots import busy_of
from platform_app.orders.tables import calendar, slot

BEFORE = "0003"


@pytest.fixture(params=["sqlite", "mariadb"])
def old_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database as it was before, on each engine."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/old.db"
    else:
        server = str(request.getfixturevalue("mariadb_url"))
        engine = sync_engine(server)
        with engine.begin() as c:
            c.execute(text("DROP DATABASE IF EXISTS old"))
            c.execute(text("CREATE DATABASE old"))
        engine.dispose()
        url = server.rpartition("/")[0] + "/old"
    upgrade(url, BEFORE)
    return url


def put(engine: Engine, name_of_table: str, /, **values: Any) -> None:
    """A row of a table as it is in the database; what it needs beside `values` is empty."""
    with engine.begin() as c:
        table = Table(name_of_table, MetaData(), autoload_with=c)
        rest = {k.name: "" if "CHAR" in str(k.type) else 0 for k in table.c if not k.nullable and k.name != "id"}
        c.execute(insert(table).values({**rest, **values}))


def test_old_databases_lose_nothing(old_url: str) -> None:
    engine = sync_engine(old_url)
    now = int(time.time()) // 1800 * 1800
    put(engine, "providers_provider", id=5, name="王阿姨")
    put(engine, "catalog_service", id=3, category_id=1, name="保洁", duration_minutes=120)
    put(engine, "catalog_offering", id=8, service_id=3, provider_id=5, price_fen=12_300, active=True)
    put(engine, "orders_order", id=9, provider_id=5, starts_at=now, ends_at=now + 7200, no="n", status="paid")
    for at in range(now, now + 9000, 1800):
        put(engine, "orders_slot", provider_id=5, slot_at=at, order_id=9)
    upgrade(old_url)
    with engine.connect() as c:
        (kept,) = c.execute(select(item.c.offering_id, item.c.name, item.c.base_fen, item.c.minutes)).all()
        assert tuple(kept) == (8, "保洁", 12_300, 120)
        (factors,) = c.execute(select(rules.c.weekend_bp, rules.c.holiday_bp, rules.c.min_fen, rules.c.districts)).all()
        assert tuple(factors) == (10_000, 10_000, 0, "{}")
        assert c.execute(select(calendar.c.provider_id, calendar.c.version)).all() == [(5, 0)]
        rows = c.execute(select(slot).order_by(slot.c.slot_at)).all()
    (job,) = busy_of(rows, Orders(), now).jobs
    assert (job.order_id, job.start, job.end, job.place) == (9, now, now + 7200, None)
    engine.dispose()


def test_rows_of_older_programs_count_until_their_last_half_hour() -> None:
    """A process of before that still runs beside a new one writes no `ends_at`."""
    names = ("slot_at", "order_id", "hold_until", "ends_at", "lat_e6", "lng_e6")
    rows = [
        type("Row", (), dict(zip(names, (at, 1, None, None, None, None), strict=True))) for at in (1800, 3600, 5400)
    ]
    (job,) = busy_of(rows, Orders(), 0).jobs
    assert (job.start, job.end) == (1800, 5400), "the way to the next one is in the half hours"
