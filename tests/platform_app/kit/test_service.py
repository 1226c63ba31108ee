"""The frame of a service: problems, figures, traces, tokens, a taken port, a locked database."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends
from sqlalchemy import insert

from platform_app.kit.auth import Principal, Who, internal, require
from platform_app.kit.config import ConfigFolder
from platform_app.kit.pages import decode_cursor, encode_cursor
from platform_app.kit.problem import Problem
from platform_app.kit.service import Here, create_app
from platform_app.kit.times import day_of, iso, midnight, parse_iso
from platform_app.kit.tokens import issue, read_token
from platform_app.kit.trace import begin
from platform_app.orders.tables import event
from tests.platform_app.sandbox.homes import change, make_home
from tests.platform_app.world import CUSTOMER, WORKER, Platform, eventually, listening, platform_of

router = APIRouter(prefix="/api/v1")


@router.get("/things/{number}")
async def thing(number: int) -> dict[str, int]:
    if number == 1:
        raise Problem(409, "busy", "忙", headers={"Retry-After": "1"}, wait=3)
    return {"share": 10 // number}


@router.get("/mine")
async def mine(who: Who) -> dict[str, int]:
    return {"user_id": who.user_id}


@router.get("/work")
async def work(who: Annotated[Principal, Depends(require("provider"))]) -> dict[str, int]:
    return {"provider_id": who.provider_id}


@router.post("/write")
async def write(here: Here) -> dict[str, str]:
    async with here.db.transaction() as c:
        await c.execute(insert(event).values(event_id=str(time.monotonic_ns()), at=1))
    return {}


@router.get("/inner", dependencies=[Depends(internal)])
async def inner() -> dict[str, str]:
    return {}


@pytest.fixture
async def service(tmp_path: Path, sqlite_url: str) -> Any:
    folder = make_home(tmp_path, database_url=sqlite_url)
    app = create_app("orders", ConfigFolder(folder.path), [router])
    async with platform_of(folder) as platform, listening(app, folder.config.services["orders"]):
        yield platform


async def get(service: Platform, path: str, *who: Any, method: str = "GET") -> tuple[int, Any]:
    return await service.request("orders", method, path, *who)


async def test_problems_and_figures(service: Platform) -> None:
    status, body = await get(service, "/api/v1/things/1")
    assert (status, body["code"], body["detail"], body["wait"]) == (409, "busy", "忙", 3)
    assert (await get(service, "/api/v1/things/0"))[1]["code"] == "internal"
    status, body = await get(service, "/api/v1/things/x")
    assert (status, body["errors"][0]["field"]) == (422, "path.number")
    assert (await get(service, "/nothing"))[0] == 404
    text = (await get(service, "/metrics"))[1].decode()
    for status in (409, 500, 422):
        assert f'route="/api/v1/things/{{number}}",service="orders",status="{status}"}} 1.0' in text
    assert 'http_request_duration_seconds_bucket{le="0.005",method="GET",route="/api/v1/things/{number}"' in text
    assert 'platform_config_version{service="orders"} 1.0' in text


async def test_who_may(service: Platform) -> None:
    assert (await get(service, "/api/v1/mine"))[0] == 401
    assert await get(service, "/api/v1/mine", CUSTOMER) == (200, {"user_id": 1})
    assert (await get(service, "/api/v1/work", CUSTOMER))[0] == 403
    assert await get(service, "/api/v1/work", WORKER) == (200, {"provider_id": 1})
    assert (await get(service, "/api/v1/inner", CUSTOMER))[0] == 401
    assert (await service.internal("orders", "GET", "/api/v1/inner"))[0] == 200


async def test_a_locked_database_is_503_and_counted(service: Platform, sqlite_url: str) -> None:
    holder = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    started = time.monotonic()
    status, body = await get(service, "/api/v1/write", method="POST")
    assert (status, body["code"]) == (503, "database_locked")
    assert time.monotonic() - started < 2.5
    assert (await get(service, "/readyz"))[0] == 200, "reads go on"
    holder.execute("ROLLBACK")
    holder.close()
    assert (await get(service, "/api/v1/write", method="POST"))[0] == 200
    assert 'errors_total{kind="locked",service="orders"} 1.0' in (await get(service, "/metrics"))[1].decode()


async def test_a_new_configuration_version_is_seen_within_a_second_or_so(service: Platform) -> None:
    change(service.folder, "orders", hold_minutes=3)

    async def version() -> bool:
        return bool((await get(service, "/healthz"))[1]["config_version"] == 2)

    await eventually(version, 3)
    (service.folder.path / "versions" / "0003.yml").write_text("x: 1")
    (service.folder.path / "current").write_text("0003")

    async def refused() -> bool:
        return 'platform_config_refused_total{service="orders"} 1.0' in (await get(service, "/metrics"))[1].decode()

    await eventually(refused, 3)
    assert await version()


def test_tokens_end(tmp_path: Path) -> None:
    config = make_home(tmp_path).config
    now = int(time.time())
    assert read_token(config, issue(config, WORKER, now)) == WORKER
    for wrong in (issue(config, WORKER, now - 25 * 3600), issue(config, WORKER, now)[:-3] + "abc", "x"):
        with pytest.raises(Problem, match="401"):
            read_token(config, wrong)


def test_cursors_and_times() -> None:
    assert decode_cursor(encode_cursor(470, 9), 2) == (470, 9)
    for wrong in ("", "abc", encode_cursor(1), "WyJhIiwxXQ"):
        with pytest.raises(Problem):
            decode_cursor(wrong, 2)
    assert parse_iso("2026-11-23T09:30") == parse_iso("2026-11-23T01:30:00Z") == 1795397400
    assert iso(1795397400) == "2026-11-23T09:30:00+08:00"
    assert midnight(day_of(1795397400)) == 1795363200


def test_traces() -> None:
    caller = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    trace = begin(caller, "shop-1")
    assert (trace.trace_id, trace.request_id) == ("a" * 32, "shop-1")
    assert trace.span_id != "b" * 16
    for wrong in ("", "00-xyz", "00-" + "0" * 32 + "-" + "b" * 16 + "-01"):
        assert begin(wrong, "bad id\n").trace_id == begin(wrong).trace_id or len(begin(wrong).trace_id) == 32


def test_a_taken_port_ends_the_process_with_a_clear_line(tmp_path: Path) -> None:
    folder = make_home(tmp_path)
    with socket.socket() as thief:
        host, port = folder.config.services["providers"].split(":")
        thief.bind((host, int(port)))
        thief.listen()
        done = subprocess.run(
            [sys.executable, "-m", "platform_app.providers"],
            env={**os.environ, "PLATFORM_CONFIG": str(folder.path)},
            capture_output=True,
            text=True,
            timeout=30,
        )
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "services.providers" in done.stderr
    assert "listen.refused" in (tmp_path / "booking" / "logs" / "providers.json.log").read_text()


async def test_a_loop_survives_what_goes_wrong(service: Platform, tmp_path: Path) -> None:
    app = create_app("catalog", ConfigFolder(service.folder.path), [])
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        ticks += 1
        raise ZeroDivisionError

    async with listening(app, service.folder.config.services["catalog"]):
        app.state.service.loop("bad", 0.01, tick)
        await asyncio.sleep(0.2)
        before = ticks
        exposed = (await service.request("catalog", "GET", "/metrics"))[1].decode()
        counted = re.search(r'^platform_loop_errors_total{loop="bad"} (\S+)$', exposed, re.MULTILINE)
        assert before > 3
        assert counted is not None
        assert before <= float(counted[1]) <= ticks
