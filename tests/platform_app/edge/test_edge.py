"""The edge before real services: passing on, kindness when one is down, limits, traces."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import select

from platform_app.kit.config import host_port
from platform_app.users.tables import activity
from tests.platform_app.sandbox.homes import change
from tests.platform_app.world import CUSTOMER, Platform, eventually, tomorrow

ORDER = {"offering_id": 11, "address": "杭州市西湖区文三路 1 号"}


@asynccontextmanager
async def rude(address: str, *answers: bytes) -> AsyncIterator[list[bytes]]:
    """A server that gives each connection the next answer and hangs up; b"" says nothing at all."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head)
        answer = answers[min(len(asked), len(answers)) - 1]
        if answer == b"sleep":
            await asyncio.sleep(5)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, *host_port(address))
    try:
        yield asked
    finally:
        server.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nDate: x\r\nX-Extra: 1\r\n\r\n{}"


async def test_a_booking_through_the_edge(platform: Platform) -> None:
    await platform.start("catalog", "orders", "edge")
    body = {**ORDER, "starts_at": tomorrow(10)}
    headers = {"X-Request-Id": "shop-7", "traceparent": "00-" + "c" * 32 + "-" + "d" * 16 + "-01"}
    status, held = await platform.request("edge", "POST", "/api/v1/orders", CUSTOMER, json=body, headers=headers)
    assert (status, held["status"]) == (201, "held")
    assert (await platform.request("edge", "POST", "/api/v1/orders", CUSTOMER, json=body))[1]["code"] == "slot_taken"
    assert (await platform.request("edge", "GET", f"/api/v1/orders/{held['id']}", CUSTOMER))[1]["no"] == held["no"]
    _, found = await platform.request("edge", "GET", "/api/v1/offerings?district=滨江区&limit=1")
    assert found["items"][0]["district"] == "滨江区", "queries go through untouched"
    text = (await platform.request("edge", "GET", "/metrics"))[1].decode()
    assert 'http_requests_total{method="POST",route="/api/v1/orders",service="edge",status="201"} 1.0' in text
    assert 'route="/api/v1/orders/{}",service="edge",status="200"} 1.0' in text


async def test_headers(sqlite_platform: Platform) -> None:
    platform = sqlite_platform
    await platform.start("edge")
    async with rude(platform.address("catalog"), OK) as asked:
        headers = {"X-Request-Id": "shop-7", "Connection": "keep-alive", "X-Forwarded-For": "6.6.6.6", "Accept": "x/y"}
        url = f"http://{platform.address('edge')}/api/v1/categories"
        async with platform._session.get(url, headers=headers) as answer:
            assert (answer.headers["X-Request-Id"], answer.headers["X-Extra"]) == ("shop-7", "1")
            trace = answer.headers["X-Trace-Id"]
            assert len(answer.headers.getall("Date")) == 1
    head = asked[0].decode().lower()
    assert f"traceparent: 00-{trace}" in head
    assert "x-forwarded-for: 127.0.0.1" in head
    assert "6.6.6.6" not in head
    assert "accept: x/y" in head
    assert "x-request-id: shop-7" in head


async def test_a_get_is_tried_once_more_a_post_never(sqlite_platform: Platform) -> None:
    platform = sqlite_platform
    await platform.start("edge")
    async with rude(platform.address("catalog"), b"", OK) as asked:
        assert (await platform.request("edge", "GET", "/api/v1/categories"))[0] == 200
        assert len(asked) == 2
    async with rude(platform.address("orders"), b"", OK) as asked:
        status, body = await platform.request("edge", "POST", "/api/v1/orders", json={})
        assert (status, body["code"], body["service"]) == (502, "upstream_unavailable", "orders")
        assert len(asked) == 1


async def test_a_service_that_is_down_or_hangs(sqlite_platform: Platform) -> None:
    platform = sqlite_platform
    change(platform.folder, "edge", timeout_seconds=0.3)
    await platform.start("edge")
    status, body = await platform.request("edge", "GET", "/api/v1/orders", CUSTOMER)
    assert (status, body["detail"]) == (502, "订单服务暂时不可用,请稍后再试")
    async with rude(platform.address("catalog"), b"sleep"):
        started = time.monotonic()
        status, body = await platform.request("edge", "GET", "/api/v1/categories")
        assert (status, body["code"]) == (504, "upstream_timeout")
        assert time.monotonic() - started < 2
    status, body = await platform.request("edge", "GET", "/readyz")
    assert (status, body["services"]["orders"]) == (503, "upstream_unavailable")
    assert (await platform.request("edge", "GET", "/healthz"))[0] == 200
    assert "暂时不可用" in (await platform.request("edge", "GET", "/"))[1].decode()
    text = (await platform.request("edge", "GET", "/metrics"))[1].decode()
    assert 'edge_upstream_errors_total{reason="upstream_unavailable",upstream="orders"} 1.0' in text


async def test_a_wrong_address_in_the_configuration_bursts_and_ends_with_the_rollback(
    sqlite_platform: Platform,
) -> None:
    platform = sqlite_platform
    await platform.start("catalog", "orders", "edge")

    async def status() -> int:
        return (await platform.request("edge", "GET", "/api/v1/categories"))[0]

    assert await status() == 200
    right = platform.folder.config.services
    change(platform.folder, "services", catalog="127.0.0.1:9")
    await eventually(lambda: _equals(status, 502), 4)
    body = {**ORDER, "starts_at": tomorrow(10)}
    assert (await platform.request("orders", "POST", "/api/v1/orders", CUSTOMER, json=body))[0] == 502
    change(platform.folder, "services", **right)
    await eventually(lambda: _equals(status, 200), 4)


async def _equals(call: Any, wanted: Any) -> bool:
    return bool(await call() == wanted)


async def test_limits(sqlite_platform: Platform) -> None:
    platform = sqlite_platform
    change(platform.folder, "edge", rate_limit_per_minute=0, user_rate_limit_per_minute=120)
    await platform.start("catalog", "edge")

    async def burst(who: Any = None) -> list[int]:
        return [(await platform.request("edge", "GET", "/api/v1/categories", who))[0] for _ in range(16)]

    assert set(await burst()) == {200}, "a visitor's address is not limited here"
    assert 429 in await burst(CUSTOMER)
    change(platform.folder, "edge", rate_limit_per_minute=60)
    await eventually(lambda: _version(platform, 3), 4)
    answers = await burst()
    assert answers[0] == 200
    assert answers[-1] == 429
    assert 'edge_rate_limited_total{limit="user"}' in (await platform.request("edge", "GET", "/metrics"))[1].decode()


async def _version(platform: Platform, wanted: int) -> bool:
    return bool((await platform.request("edge", "GET", "/healthz"))[1]["config_version"] == wanted)


async def test_pages_documents_and_what_is_closed(platform: Platform) -> None:
    await platform.start("users", "providers", "catalog", "orders", "messages", "edge")
    page = (await platform.request("edge", "GET", "/"))[1].decode()
    for word in ("日常保洁", "空调清洗", "王3阿姨", 'lang="zh-CN"'):
        assert word in page
    _, document = await platform.request("edge", "GET", "/openapi.json")
    assert {"/api/v1/auth/login", "/api/v1/offerings", "/api/v1/orders", "/api/v1/messages"} <= set(document["paths"])
    assert not [path for path in document["paths"] if "internal" in path or path == "/metrics"]
    assert document["x-missing"] == ["payments", "settlement"]
    assert "/api/v1/orders/{order_id}/cancel" in (await platform.request("edge", "GET", "/docs"))[1].decode()
    for path in ("/internal/activity", "/api/v1/nothing", "/metrics/"):
        assert (await platform.request("edge", "GET", path))[0] == 404, path


async def test_a_large_body_is_refused_and_a_large_answer_streams(sqlite_platform: Platform) -> None:
    platform = sqlite_platform
    change(platform.folder, "edge", max_body_bytes=100_000)
    await platform.start("edge")
    status, body = await platform.request("edge", "POST", "/api/v1/orders", data=b"0" * 400_000)
    assert (status, body["code"]) == (413, "too_large")
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"4\r\n1234\r\n" * 1000 + b"0\r\n\r\n"
    async with rude(platform.address("catalog"), chunked):
        assert await platform.request("edge", "GET", "/api/v1/categories") == (200, b"1234" * 1000)


async def test_who_was_here_is_told_to_users(sqlite_platform: Platform) -> None:
    platform = sqlite_platform
    await platform.start("users", "edge")
    await platform.request("edge", "GET", "/api/v1/me", CUSTOMER)
    await platform.app("edge")._visitors.report()
    async with platform.app("users").state.service.db.read() as c:
        assert [r.user_id for r in (await c.execute(select(activity))).all()] == [1]
