"""Events become messages once; people read their own."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from platform_app.kit.config import ConfigFolder, secret
from platform_app.kit.migrate import upgrade
from platform_app.kit.service import Service
from platform_app.kit.tokens import Principal, issue
from platform_app.messages.app import create
from tests.platform_app.messages.test_templates import PAYLOAD
from tests.platform_app.payments.town import running
from tests.platform_app.sandbox.homes import make_home

Caller = Any


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    url = f"sqlite:///{tmp_path / 'platform.db'}"
    upgrade(url)
    folder = make_home(tmp_path, database_url=url)
    async with running(create(ConfigFolder(folder.path)), folder.config.services["messages"]) as found:
        yield found


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def send(
    http: aiohttp.ClientSession, service: Service, method: str, path: str, token: str, body: object = None
) -> tuple[int, Any]:
    url = f"http://{service.config.services['messages']}{path}"
    async with http.request(method, url, json=body, headers={"Authorization": f"Bearer {token}"}) as answer:
        return answer.status, await answer.json(content_type=None)


def person(service: Service, user_id: int) -> str:
    return issue(service.config, Principal(user_id, "customer"), int(time.time()))


async def test_an_event_is_told_once_to_each_person_it_concerns(http: aiohttp.ClientSession, service: Service) -> None:
    inner = secret(service.config.internal.token_file)
    event = {"id": "e1", "kind": "order.paid", "payload": PAYLOAD, "source": "orders", "at": 1}
    counts = [(await send(http, service, "POST", "/internal/events", inner, event))[1]["messages"] for _ in range(3)]
    assert counts == [2, 0, 0]
    _, mine = await send(http, service, "GET", "/api/v1/messages", person(service, 1001))
    assert [m["title"] for m in mine["items"]] == ["预约成功"]
    assert mine["unread"] == 1
    _, theirs = await send(http, service, "GET", "/api/v1/messages", person(service, 4))
    assert [m["title"] for m in theirs["items"]] == ["新订单"]
    assert service.metrics.registry.get_sample_value("booking_messages_total", {"kind": "order.paid"}) == 2


async def test_reading_is_ones_own_and_pages_go_back(http: aiohttp.ClientSession, service: Service) -> None:
    inner, me = secret(service.config.internal.token_file), person(service, 1001)
    for number in range(5):
        event = {"id": f"e{number}", "kind": "order.accepted", "payload": PAYLOAD}
        await send(http, service, "POST", "/internal/events", inner, event)
    _, first = await send(http, service, "GET", "/api/v1/messages?limit=3", me)
    _, rest = await send(http, service, "GET", f"/api/v1/messages?limit=3&cursor={first['next_cursor']}", me)
    assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (3, 2, None)
    newest = first["items"][0]["id"]
    stranger = person(service, 1002)
    assert (await send(http, service, "POST", f"/api/v1/messages/{newest}/read", stranger))[0] == 404
    assert (await send(http, service, "POST", f"/api/v1/messages/{newest}/read", me))[0] == 204
    assert (await send(http, service, "GET", "/api/v1/messages?unread=true", me))[1]["unread"] == 4
    assert (await send(http, service, "POST", "/api/v1/messages/read", me))[1] == {"read": 4}


async def test_unreadable_events_are_taken_and_strangers_are_not(http: aiohttp.ClientSession, service: Service) -> None:
    inner = secret(service.config.internal.token_file)
    event = {"id": "e1", "kind": "order.paid", "payload": {}}
    assert (await send(http, service, "POST", "/internal/events", inner, event))[1]["outcome"] == "unreadable"
    assert (await send(http, service, "POST", "/internal/events", person(service, 1), event))[0] == 401
    assert (await send(http, service, "GET", "/api/v1/messages", ""))[0] == 401
