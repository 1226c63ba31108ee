"""Operators are made by a command; old databases come to the new schema; the API document is whole."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, inspect, text

from platform_app.kit.config import ConfigFolder
from platform_app.kit.db import metadata, sync_engine
from platform_app.kit.migrate import upgrade
from platform_app.users.examples import ANSWERS
from platform_app.users.rights import OPEN, RIGHTS
from tests.platform_app.users.support import call, log_in, row_of
from tests.platform_app.users.test_addresses import HOME
from tests.platform_app.world import Platform

ROOT = Path(__file__).resolve().parents[3]


def command(folder: ConfigFolder, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "platform_app.users.operators", *words],
        env={**os.environ, "PLATFORM_CONFIG": str(folder.path)},
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


async def test_operators_are_made_and_unmade_by_a_command(platform: Platform) -> None:
    await platform.start("users")
    login = await log_in(platform)
    assert command(platform.folder, "add", "13800000001") == (0, "138****0001: changed\n")
    assert (await row_of(platform, 1)).role == "operator"
    assert (await call(platform, "GET", "/me", login)).status == 401, "a change of role ends all logins"
    assert (await call(platform, "GET", "/users/2", await log_in(platform))).status == 200
    assert "138****0001" in command(platform.folder, "list")[1]
    assert command(platform.folder, "remove", "13800000001")[0] == 0
    assert (await row_of(platform, 1)).role == "customer"
    assert command(platform.folder, "add", "13800000011") == (1, "138****0011: a provider cannot be an operator\n")
    assert command(platform.folder, "remove", "13911112222")[0] == 1
    assert command(platform.folder, "add", "12")[0] == 2


def test_an_old_database_comes_along_without_loss(tmp_path: Path, mariadb_url: str) -> None:
    for url in (f"sqlite:///{tmp_path / 'old.db'}", _fresh(mariadb_url)):
        upgrade(url, "0003")
        engine = sync_engine(url)
        with engine.begin() as c:
            c.execute(text("INSERT INTO users_user VALUES (7, '13800000007', '旧人', 'customer', 5)"))
            c.execute(text("INSERT INTO users_code VALUES (1, '13800000007', 'h', 1, 2, 0, NULL)"))
        upgrade(url)
        with engine.connect() as c:
            person = c.execute(text("SELECT name, version, token_generation, deleted_at FROM users_user")).one()
            assert tuple(person) == ("旧人", 1, 0, None)
            assert c.execute(text("SELECT purpose FROM users_code")).scalar_one() == "login"
            inspector = inspect(c)
            for table in metadata.tables.values():
                if table.name.startswith("users_"):
                    assert {x["name"] for x in inspector.get_columns(table.name)} == set(table.c.keys()), table.name
                    indexes = {x["name"] for x in inspector.get_indexes(table.name)}
                    assert {x.name for x in table.indexes} <= indexes, table.name
        engine.dispose()


def _fresh(url: str) -> str:
    """Another, empty database on the same server."""
    engine = create_engine(sync_engine(url).url)
    name = f"old_{time.monotonic_ns()}"
    with engine.begin() as c:
        c.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return url.rpartition("/")[0] + f"/{name}"


async def test_every_endpoint_is_documented_with_examples(sqlite_platform: Platform) -> None:
    await sqlite_platform.start("users", "edge")
    document = (await sqlite_platform.request("edge", "GET", "/openapi.json"))[1]
    for name, roles in RIGHTS.items():
        method, _, path = name.partition(" ")
        operation = document["paths"][path][method.lower()]
        assert bool(operation.get("security")) == (roles != OPEN), name
        good = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
        assert ("example" in good.get("content", {}).get("application/json", {})) == (
            "204" not in operation["responses"]
        )
        for status, answer in operation["responses"].items():
            assert status.startswith("2") or "application/problem+json" in answer["content"], (name, status)
    phone = document["components"]["schemas"]["LoginRequest"]["properties"]["phone"]
    assert phone["examples"] == ["13900000077"]


async def test_the_examples_have_the_shape_of_the_answers(sqlite_platform: Platform) -> None:
    await sqlite_platform.start("users")
    me, operator = await log_in(sqlite_platform), await log_in(sqlite_platform, 99)
    live: dict[str, Any] = {"address": (await call(sqlite_platform, "POST", "/me/addresses", me, json=HOME)).body}
    for name, path in (("profile", ""), ("addresses", "/addresses"), ("devices", "/devices"), ("export", "/export")):
        live[name] = (await call(sqlite_platform, "GET", f"/me{path}", me)).body
    live["seen"] = (await call(sqlite_platform, "GET", "/users/1", operator)).body
    renewed = {"refresh_token": me.refresh_token}
    live["tokens"] = (await call(sqlite_platform, "POST", "/auth/refresh", json=renewed)).body
    for name, answer in live.items():
        assert _shape(answer) == _shape(ANSWERS[name]), name


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _shape(v) for k, v in value.items()}
    return [_shape(v) for v in value] if isinstance(value, list) else None
