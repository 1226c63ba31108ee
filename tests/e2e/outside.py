"""The world outside the product: robots with no limit but the true checks, and targets that remember who asked."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from aiohttp import web

from tests.alerts.robots import Robots

TARGETS = 4


@dataclass(frozen=True)
class Served:
    """One answered scrape: the number that it got, and when it was asked."""

    target: int
    number: int
    at: float


@dataclass
class Outside:
    """Runs in a thread of its own, so that tests may wait without hurry."""

    robots: Robots = field(default_factory=Robots)
    served: list[Served] = field(default_factory=list)
    slow: float = 0.0
    port: int = 0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _counts: Counter[int] = field(default_factory=Counter)
    _runner: web.AppRunner | None = None

    def start(self) -> None:
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._do(self._open())

    def stop(self) -> None:
        self._do(self.robots.stop())
        self.close_targets()
        self._loop.call_soon_threadsafe(self._loop.stop)

    def close_targets(self) -> None:
        """The targets are dead until `open_targets`."""
        if self._runner is not None:
            self._do(self._runner.cleanup())
            self._runner = None

    def open_targets(self) -> None:
        self._do(self._open_targets())

    def _do(self, work: object) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)  # type: ignore[arg-type]

    async def _open(self) -> None:
        await self.robots.start()
        await self._open_targets()

    async def _open_targets(self) -> None:
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def _metrics(self, request: web.Request) -> web.Response:
        target = int(request.query.get("target", "0"))
        self._counts[target] += 1
        self.served.append(Served(target, self._counts[target], time.time()))
        number = self._counts[target]
        if target == 0:
            await asyncio.sleep(self.slow)
        return web.Response(text=f"e2e_scrapes {number}\n")
