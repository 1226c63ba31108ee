"""The operations API's gate: who gets in, with which role, and what is written down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from opsctl.access import audit, tokens
from opsctl.access.audit import Audit
from opsctl.access.tokens import Tokens
from opsctl.api.access import Access
from opsctl.api.ops import build
from opsctl.api.routers import access as access_router
from opsctl.core.db import Database


@pytest.fixture
def table(tmp_path: Path) -> Tokens:
    return Tokens(Database(tmp_path / "t.db", tokens.SCHEMA))


@pytest.fixture
def log(tmp_path: Path) -> Audit:
    return Audit(Database(tmp_path / "a.db", audit.SCHEMA))


@pytest.fixture
def app(table: Tokens, log: Audit) -> Iterator[FastAPI]:
    routers = (access_router.router(table, log),)
    return build(Access(table, log), routers, {}, lambda: {"well": True}, lambda: {"ops": "ok"}, CollectorRegistry())


def _client(app: FastAPI, token: str = "", host: str = "127.0.0.1") -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    transport = httpx.ASGITransport(app, client=(host, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://ops", headers=headers)


async def test_health_needs_no_token_all_else_does(app: FastAPI) -> None:
    async with _client(app) as client:
        assert (await client.get("/-/healthy")).status_code == 200
        refused = await client.get("/api/opsctl/v1/summary")
    assert (refused.status_code, refused.headers["content-type"]) == (401, "application/problem+json")


async def test_our_figures_are_open_to_this_machine_alone(app: FastAPI) -> None:
    async with _client(app) as near, _client(app, host="192.0.2.1") as far:
        assert (await near.get("/metrics")).status_code == 200
        assert (await far.get("/metrics")).status_code == 401


async def test_a_role_may_do_its_own_and_no_more(app: FastAPI, table: Tokens) -> None:
    viewer, operator = table.add("v", "viewer", 1.0), table.add("o", "operator", 1.0)
    async with _client(app, viewer) as client:
        assert (await client.get("/api/opsctl/v1/summary")).json() == {"well": True}
        refused = await client.post("/api/opsctl/v1/reload")
        assert (refused.status_code, refused.json()["detail"]) == (403, "v is viewer; this needs operator")
    async with _client(app, operator) as client:
        assert (await client.post("/api/opsctl/v1/reload")).json() == {"ops": "ok"}


async def test_unsafe_calls_are_written_down_refused_ones_too(app: FastAPI, table: Tokens, log: Audit) -> None:
    admin, viewer = table.add("root", "admin", 1.0), table.add("v", "viewer", 1.0)
    async with _client(app, admin) as client:
        made = await client.post("/api/opsctl/v1/users", json={"name": "alice", "role": "approver"})
    async with _client(app, viewer) as client:
        await client.delete("/api/opsctl/v1/users/alice")
    assert table.who(made.json()["token"]) is not None
    rows = [(r["who"], r["action"], r["status"], r["detail"]) for r in log.list()]
    assert rows == [("v", "DELETE", 403, {}), ("root", "POST", 201, {"name": "alice", "role": "approver"})]
    assert made.json()["token"] not in str(log.list())


async def test_a_revoked_token_is_worth_nothing(app: FastAPI, table: Tokens) -> None:
    token = table.add("v", "viewer", 1.0)
    table.revoke("v", 2.0)
    async with _client(app, token) as client:
        assert (await client.get("/api/opsctl/v1/summary")).status_code == 401
