"""Booking POST on SQLite and on MariaDB: through the edge, at the orders service alone, without login, by the driver.

32 connections ask for free half hours in a closed loop for 10 s after 2 s of warming up, each row on a freshly seeded
database of its own. Client, services and database share the machine; the last column says who used it.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
import uvloop
from sqlalchemy import text

from bench import driver
from bench.checks import Found, check, newest
from bench.client import Job, Result, drive
from bench.figures import head, load, quantile, row
from bench.stand import DAYS, Stand, stand
from bench.wishes import TRAVEL, wishes
from platform_app.kit.db import sync_engine
from platform_app.kit.times import iso
from platform_app.kit.tokens import Principal, issue
from platform_app.orders.booking import Wish
from tests.servers import MariaDb, mariadb

_CONNECTIONS, _WARM, _SECONDS = 32, 2.0, 10.0
_MOST = 60_000
_AROUND = {"users": "platform_app.users", "catalog": "platform_app.catalog", "messages": "platform_app.messages"}
_ORDERS = {**_AROUND, "orders": "platform_app.orders"}
_UNGUARDED = {**_AROUND, "orders": "bench.unguarded"}
_EDGE = {**_ORDERS, "edge": "platform_app.edge"}


@dataclass(frozen=True)
class Engine:
    """`fresh()` is the URL of a database that nobody used before; '' is a SQLite file in the stand's home."""

    name: str
    fresh: Callable[[], str]
    server: psutil.Process | None = None


def run() -> None:
    load()
    head(
        "engine",
        "what",
        "requests/s",
        "p50",
        "p99",
        "201 / 409 / 503 / other",
        "overlaps",
        "unsent events",
        "cores used",
    )
    _rows(Engine("SQLite", lambda: ""))
    try:
        with tempfile.TemporaryDirectory() as folder, _mariadb(Path(folder)) as server:
            numbers = iter(range(100))
            fresh = lambda: _database(server, f"bench{next(numbers)}")  # noqa: E731
            _rows(Engine("MariaDB", fresh, psutil.Process(server.process.pid)))
    except pytest.skip.Exception as missing:
        print(f"\nMariaDB: {missing}")


@contextmanager
def _mariadb(folder: Path) -> Iterator[MariaDb]:
    """As Debian starts it: every commit is flushed to disk."""
    with mariadb(folder, "--innodb-buffer-pool-size=128M", "--innodb-flush-log-at-trx-commit=1") as server:
        yield server


def _database(server: MariaDb, name: str) -> str:
    engine = sync_engine(server.url())
    with engine.begin() as c:
        c.execute(text(f"CREATE DATABASE {name} CHARACTER SET utf8mb4"))
    engine.dispose()
    return server.url(name)


def _rows(engine: Engine) -> None:
    _measure(engine, "bare driver", {}, "")
    _measure(engine, "orders alone, login not checked", _UNGUARDED, "orders")
    _measure(engine, "orders alone", _ORDERS, "orders")
    _measure(engine, "through the edge", _EDGE, "edge")
    _measure(engine, "through the edge, 4 at once want each half hour", _EDGE, "edge", rivals=4)


def _measure(engine: Engine, what: str, services: dict[str, str], door: str, rivals: int = 1) -> None:
    with tempfile.TemporaryDirectory() as folder, stand(Path(folder), engine.fresh(), services) as place:
        now = int(time.time())
        asked = [w for w in wishes(place.engine, now, DAYS, _MOST // rivals) for _ in range(rivals)]
        since = newest(place.engine)
        cores = Cores({**place.processes, **({"mariadbd": engine.server} if engine.server else {})})
        result = _http(place, door, asked, now) if door else _driver(place, asked, now)
        shares = cores.shares()
        found = check(place.engine, since, TRAVEL)
    made = result.statuses.get("201", 0) + result.warm_statuses.get("201", 0)
    if found.overlaps or found.short or found.orders != made:
        raise RuntimeError(f"{engine.name}, {what}: {made} answers 201, but {found}")
    _show(engine.name, what, result, found, shares)


def _http(place: Stand, door: str, asked: list[Wish], now: int) -> Result:
    tokens = {u: issue(place.config, Principal(u, "customer"), now) for u in {w.user_id for w in asked}}
    requests = [_request(wish, tokens[wish.user_id], f"{wish.key}-{n}") for n, wish in enumerate(asked)]
    return drive(Job(place.port(door), requests, _CONNECTIONS, _WARM, _SECONDS))


def _request(wish: Wish, token: str, key: str) -> str:
    asked = {"offering_id": wish.offering["id"], "starts_at": iso(wish.starts_at), "address": wish.address}
    body = json.dumps(asked)
    return (
        "POST /api/v1/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nIdempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )


def _driver(place: Stand, asked: list[Wish], now: int) -> Result:
    rows, url = driver.planned(asked, place.config.orders, now), place.config.database_url
    if url.startswith("sqlite"):
        return driver.on_sqlite(url, rows, _SECONDS)
    return uvloop.run(driver.on_mariadb(url, rows, _SECONDS, _CONNECTIONS))


def _show(engine: str, what: str, result: Result, found: Found, shares: dict[str, float]) -> None:
    count = dict(result.statuses)
    told = [count.pop(status, 0) for status in ("201", "409", "503")]
    row(
        engine,
        what,
        f"{len(result.latencies) / result.seconds:.0f}",
        *(f"{1000 * quantile(result.latencies, q):.1f} ms" for q in (0.5, 0.99)),
        " / ".join(str(n) for n in (*told, sum(count.values()))),
        found.overlaps,
        found.unsent,
        ", ".join(f"{name} {share:.2f}" for name, share in shares.items() if share >= 0.02),
    )


@dataclass
class Cores:
    """How many cores each process used since this object was made; `client`: this process' children; `others`: the rest."""

    processes: dict[str, psutil.Process]
    _began: float = field(default_factory=time.perf_counter)
    _before: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._before = self._used()

    def _used(self) -> dict[str, float]:
        used = {name: sum(p.cpu_times()[:2]) for name, p in self.processes.items()}
        own = os.times()
        used["client"] = own.user + own.system + own.children_user + own.children_system
        machine = psutil.cpu_times()
        busy = sum(machine) - machine.idle - machine.iowait - machine.guest - machine.guest_nice
        return {**used, "others": busy - sum(used.values())}

    def shares(self) -> dict[str, float]:
        seconds = time.perf_counter() - self._began
        return {name: (after - self._before[name]) / seconds for name, after in self._used().items()}
