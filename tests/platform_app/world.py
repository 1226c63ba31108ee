"""A small platform for tests: its services really listening in this process' loop, on SQLite or MariaDB."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import uvicorn
from sqlalchemy import Engine, insert

from platform_app.catalog import app as catalog
from platform_app.catalog.tables import category, offering, service
from platform_app.edge.app import Edge
from platform_app.kit.config import ConfigFolder, host_port
from platform_app.kit.db import sync_engine
from platform_app.kit.times import SHANGHAI
from platform_app.kit.tokens import Principal, issue
from platform_app.messages import app as messages
from platform_app.orders import app as orders
from platform_app.providers import app as providers
from platform_app.providers.tables import provider
from platform_app.settlement import app as settlement
from platform_app.users import app as users
from platform_app.users.tables import user

CREATE: dict[str, Callable[[ConfigFolder], Any]] = {
    "users": users.create,
    "providers": providers.create,
    "catalog": catalog.create,
    "orders": orders.create,
    "messages": messages.create,
    "settlement": settlement.create,
    "edge": Edge,
}
CUSTOMER, OTHER, WORKER, OPERATOR = (
    Principal(1, "customer"),
    Principal(2, "customer"),
    Principal(11, "provider", 1),
    Principal(99, "operator"),
)


class _Server(uvicorn.Server):
    """Leaves the test's signal handlers alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def launch(app: Any, address: str) -> tuple[_Server, asyncio.Task[None]]:
    """An ASGI app that listens on an address, until its server is told to exit."""
    host, port = host_port(address)
    config = uvicorn.Config(
        app, host=host, port=port, log_config=None, access_log=False, ws="none", proxy_headers=False
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        if task.done():
            task.result()
        await asyncio.sleep(0.01)
    return server, task


async def end(*running: tuple[_Server, asyncio.Task[None]]) -> None:
    """Ends servers, all at once."""
    for server, _ in running:
        server.should_exit = True
    await asyncio.gather(*(task for _, task in running))


@asynccontextmanager
async def listening(app: Any, address: str) -> AsyncIterator[None]:
    """An ASGI app on an address while the block runs."""
    running = await launch(app, address)
    try:
        yield
    finally:
        await end(running)


class Platform:
    """The running services. `app(name)` is a service's app; calls go by `request`, as `who` when given."""

    def __init__(self, folder: ConfigFolder, session: aiohttp.ClientSession) -> None:
        self.folder = folder
        self._session = session
        self._running: list[tuple[_Server, asyncio.Task[None]]] = []
        self._apps: dict[str, Any] = {}

    def app(self, name: str) -> Any:
        return self._apps[name]

    def address(self, name: str) -> str:
        config = self.folder.config
        return config.edge.listen if name == "edge" else config.services[name]

    async def start(self, *names: str) -> None:
        for name in names:
            app = self._apps[name] = CREATE[name](ConfigFolder(self.folder.path))
            self._running.append(await launch(app, self.address(name)))

    async def stop(self) -> None:
        await end(*self._running)

    async def request(
        self, service: str, method: str, path: str, who: Principal | None = None, **more: Any
    ) -> tuple[int, Any]:
        """The status and the body (JSON when it is some)."""
        headers = dict(more.pop("headers", {}))
        if who is not None:
            headers["Authorization"] = f"Bearer {issue(self.folder.config, who, int(time.time()))}"
        url = f"http://{self.address(service)}{path}"
        async with self._session.request(method, url, headers=headers, **more) as answer:
            body = await answer.read()
            return answer.status, await answer.json(content_type=None) if b"json" in _type(answer) else body

    async def internal(self, service: str, method: str, path: str, **more: Any) -> tuple[int, Any]:
        """A call as a neighbouring service makes it."""
        token = Path(self.folder.config.internal.token_file).read_text().strip()
        return await self.request(service, method, path, headers={"Authorization": f"Bearer {token}"}, **more)


def _type(answer: aiohttp.ClientResponse) -> bytes:
    return answer.headers.get("content-type", "").encode()


@asynccontextmanager
async def platform_of(folder: ConfigFolder) -> AsyncIterator[Platform]:
    """A platform with nothing started yet; all is stopped at the end."""
    async with aiohttp.ClientSession() as session:
        platform = Platform(folder, session)
        try:
            yield platform
        finally:
            await platform.stop()


def fill(url: str, now: int) -> None:
    """Two customers, three providers, two categories, six offerings: offering n+10·p is service n of provider p."""
    engine: Engine = sync_engine(url)
    with engine.begin() as c:
        people = [
            (1, "customer"),
            (2, "customer"),
            (11, "provider"),
            (12, "provider"),
            (13, "provider"),
            (99, "operator"),
        ]
        c.execute(
            insert(user),
            [{"id": i, "phone": f"138{i:08d}", "name": f"人{i}", "role": r, "created_at": now} for i, r in people],
        )
        c.execute(
            insert(category),
            [{"id": i, "name": n, "intro": "", "position": i} for i, n in ((1, "日常保洁"), (2, "家电清洗"))],
        )
        services = ((1, 1, "日常保洁 2 小时", 120), (2, 2, "空调清洗", 60))
        c.execute(
            insert(service),
            [{"id": i, "category_id": k, "name": n, "intro": "", "duration_minutes": m} for i, k, n, m in services],
        )
        for p, district in ((1, "西湖区"), (2, "西湖区"), (3, "滨江区")):
            known = {"name": f"王{p}阿姨", "district": district, "rating_x100": 400 + 30 * p}
            c.execute(
                insert(provider).values(id=p, user_id=10 + p, intro="", years=p, orders_done=0, created_at=now, **known)
            )
            for s in (1, 2):
                c.execute(
                    insert(offering).values(
                        id=10 * p + s,
                        service_id=s,
                        category_id=s,
                        provider_id=p,
                        provider_user_id=10 + p,
                        provider_name=known["name"],
                        price_fen=10_000 * s + 100 * p,
                        district=district,
                        rating_x100=known["rating_x100"],
                        active=True,
                        created_at=now,
                    )
                )
    engine.dispose()


def tomorrow(hour: int, minute: int = 0, days: int = 1) -> str:
    """A start in the coming days, as customers write it."""
    day = datetime.now(SHANGHAI) + timedelta(days=days)
    return day.replace(hour=hour, minute=minute, second=0, microsecond=0).isoformat()


async def eventually(check: Callable[[], Any], seconds: float = 8.0) -> Any:
    """Awaits `check()` until it gives something true; fails after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        found = check()
        found = await found if asyncio.iscoroutine(found) else found
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError("it did not come to pass in time")
        await asyncio.sleep(0.05)
