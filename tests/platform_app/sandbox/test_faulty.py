"""A service on a bad day: its own figures show it, and its health does not."""

from __future__ import annotations

from pathlib import Path
from random import Random

import httpx
import pytest

from platform_app.kit.config import ConfigFolder
from platform_app.kit.migrate import upgrade
from platform_app.messages.app import create
from platform_app.sandbox.faulty import wrap
from tests.platform_app.sandbox.homes import make_home


@pytest.fixture
def folder(tmp_path: Path) -> ConfigFolder:
    url = f"sqlite:///{tmp_path / 'platform.db'}"
    upgrade(url)
    return make_home(tmp_path, database_url=url)


async def test_errors_come_at_their_rate_and_are_counted_by_the_service(folder: ConfigFolder) -> None:
    app = wrap(create(folder), errors=0.5, latency=1.0, chance=Random(7))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        statuses = [(await client.get("/api/v1/messages")).status_code for _ in range(100)]
        assert {(await client.get("/healthz")).status_code for _ in range(20)} == {200}
    assert set(statuses) == {401, 500}
    assert 30 < statuses.count(500) < 70
    labels = {"service": "messages", "method": "GET", "route": "/api/v1/messages", "status": "500"}
    counted = app.state.service.metrics.registry.get_sample_value("http_requests_total", labels)
    assert counted == statuses.count(500)


async def test_no_faults_means_the_service_unchanged(folder: ConfigFolder) -> None:
    app = wrap(create(folder), errors=0.0, latency=1.0, chance=Random(7))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://service") as client:
        assert {(await client.get("/api/v1/messages")).status_code for _ in range(20)} == {401}
