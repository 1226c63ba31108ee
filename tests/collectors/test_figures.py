"""Business figures on SQLite and on a scratch MariaDB: the same SQL, now and over the past."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pymysql
import pytest
import yaml

from collectors.errors import CollectorError, NotReachable
from collectors.figures import Figure, FiguresCollector, Progress, history
from tests.servers import mariadb

NOW = 1_795_420_000
DAY = 86_400
BOOKING = yaml.safe_load((Path(__file__).resolve().parents[2] / "deploy/local/booking-figures.yml").read_text())
DISTRICTS = Figure(
    name="orders_by_district", help="h", labels=("district",),
    sql="SELECT district, count(*) FROM orders_order WHERE created_at > :now - 3600 AND created_at <= :now GROUP BY 1",
)  # fmt: skip
SCHEMA = (
    "CREATE TABLE orders_order(id INTEGER PRIMARY KEY, district VARCHAR(9), amount_fen BIGINT, created_at BIGINT,"
    " paid_at BIGINT, accepted_at BIGINT, completed_at BIGINT)",
    "CREATE TABLE payments_payment(id INTEGER PRIMARY KEY, created_at BIGINT, succeeded_at BIGINT, failed_at BIGINT)",
    "CREATE TABLE users_activity(user_id BIGINT, at BIGINT)",
    "CREATE INDEX a ON orders_order(created_at)", "CREATE INDEX b ON orders_order(paid_at)",
    "CREATE INDEX c ON orders_order(completed_at)", "CREATE INDEX d ON payments_payment(created_at)",
    "CREATE INDEX e ON users_activity(at)",
)  # fmt: skip


def _orders(days: int) -> list[tuple[Any, ...]]:
    chosen = random.Random(7)
    rows: list[tuple[Any, ...]] = []
    for number in range(days * 300):
        created = NOW - chosen.randrange(days * DAY)
        paid = created + chosen.randrange(20, 200) if chosen.random() < 0.9 else None
        accepted = paid + 300 if paid and chosen.random() < 0.8 else None
        rows.append((number, chosen.choice(["南山", "福田"]), chosen.randrange(5000, 90000), created, paid, accepted,
                     accepted and accepted + 7200))  # fmt: skip
    return rows


def _fill(execute: Any, mark: str, days: int) -> None:
    for statement in SCHEMA:
        execute(statement)
    for row in _orders(days):
        execute(f"INSERT INTO orders_order VALUES ({','.join([mark] * 7)})", row)
        payment = (row[0], row[3], row[4], None if row[4] else row[3] + 5)
        execute(f"INSERT INTO payments_payment VALUES ({','.join([mark] * 4)})", payment)
        execute(f"INSERT INTO users_activity VALUES ({mark},{mark})", (row[0] % 200, row[3]))


@pytest.fixture(scope="module")
def sqlite_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("figures") / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        _fill(connection.execute, "?", 60)
        connection.commit()
    return f"sqlite:///{path}"


@pytest.fixture(scope="module")
def mysql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mariadb(tmp_path_factory.mktemp("mariadb")) as server:
        connection = pymysql.connect(host="127.0.0.1", port=server.port, user="root", database="test")
        _fill(connection.cursor().execute, "%s", 3)
        connection.commit()
        connection.close()
        yield server.url()


@pytest.fixture(params=["sqlite", "mysql"])
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(f"{request.param}_url"))


def _collected(url: str, figures: list[Any], now: int = NOW) -> dict[tuple[str, str], float]:
    families = FiguresCollector(url, figures, now=lambda: now).collect()
    return {(s.name, ",".join(s.labels.values())): s.value for family in families for s in family.samples}


def test_every_booking_figure_is_measured(url: str) -> None:
    found = _collected(url, BOOKING)
    assert found[("figures_up", "")] == 1
    names = {figure["name"] for figure in BOOKING}
    assert len(names) == 8
    assert {name for name, _ in found if name.startswith("business_")} == names
    assert all(found[("figure_success", name)] == 1 for name in names)
    midnight = NOW - (NOW + 28_800) % DAY
    today = [row for row in _orders(60 if url.startswith("sqlite") else 3) if midnight <= row[3] <= NOW]
    assert found[("business_orders_created_day", "")] == len(today) > 10
    assert 0.8 < found[("business_payment_success_ratio_1h", "")] <= 1


def test_history_is_what_would_have_been_collected_then(url: str) -> None:
    """The set-based past equals the collector at each of those instants, for plain and for labelled figures."""
    instants = range(NOW - DAY, NOW, 5400)
    figures = [*BOOKING, DISTRICTS]
    series = history(url, figures, instants)
    past = {
        (one.name, ",".join(one.labels.values()), instant): value
        for one in series
        for instant, value in zip(one.times, one.values, strict=True)
    }
    collected = {
        (name, labels, instant): value
        for instant in instants
        for (name, labels), value in _collected(url, figures, instant).items()
        if not name.startswith("figure")
    }
    assert past == pytest.approx(collected)
    assert {one.labels.get("district") for one in series if one.name == "orders_by_district"} == {"南山", "福田"}


def test_sixty_days_by_the_minute_are_quick(sqlite_url: str) -> None:
    seen: list[Progress] = []
    start = time.perf_counter()
    series = history(sqlite_url, BOOKING, range(NOW - 60 * DAY, NOW, 60), seen.append)
    assert time.perf_counter() - start < 30
    assert {len(one.times) for one in series if one.name.endswith(("created_day", "gmv_fen_1h", "dau"))} == {86_400}
    assert seen[-1] == Progress(86_400, 86_400)
    assert len(seen) == 60
    for one in series:
        assert one.times == sorted(set(one.times))


def test_nothing_to_measure_is_a_gap_not_a_zero(sqlite_url: str) -> None:
    long_ago = NOW - 400 * DAY
    found = _collected(sqlite_url, BOOKING, long_ago)
    assert ("business_payment_success_ratio_1h", "") not in found
    assert found[("figure_success", "business_payment_success_ratio_1h")] == 1
    assert found[("business_orders_created_1h", "")] == 0


def test_one_bad_figure_does_not_hide_the_others(url: str) -> None:
    bad = Figure(name="bad", help="h", sql="SELECT nothing FROM nowhere WHERE :now > 0")
    writes = Figure(name="writes", help="h", sql="DELETE FROM orders_order WHERE id > :now - :now")
    found = _collected(url, [bad, writes, *BOOKING])
    assert (found[("figure_success", "bad")], found[("figure_success", "writes")]) == (0, 0)
    assert found[("business_orders_created_day", "")] > 0
    with pytest.raises(CollectorError, match="SQL failed"):
        history(url, [bad], [NOW])


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    for gone in (f"sqlite:///{tmp_path}/none.db", "mysql://root@127.0.0.1:1/x"):
        assert _collected(gone, BOOKING) == {("figures_up", ""): 0}
        with pytest.raises(NotReachable):
            history(gone, BOOKING, [NOW])


def test_a_query_that_never_ends_is_cut_off(sqlite_url: str) -> None:
    endless = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) + :now FROM r"
    start = time.perf_counter()
    families = FiguresCollector(sqlite_url, [Figure(name="endless", help="h", sql=endless)], timeout=0.5).collect()
    success = [s.value for family in families for s in family.samples if s.name == "figure_success"]
    assert success == [0]
    assert time.perf_counter() - start < 3


def test_a_figure_is_a_function_of_the_instant() -> None:
    with pytest.raises(CollectorError, match="does not use :now"):
        Figure(name="x", help="h", sql="SELECT count(*) FROM t")
    with pytest.raises(CollectorError, match="not a metric name"):
        Figure(name="x y", help="h", sql="SELECT :now")
    assert Figure(name="x", help="h", sql="SELECT :now, ':nowhere', a::now;").at("7") == "SELECT 7, ':nowhere', a::now"
