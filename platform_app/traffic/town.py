"""Everybody who plays, until cancelled, and a small page of figures about what they saw."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import aiohttp
from aiohttp import web

from platform_app.kit.config import ConfigError, ConfigFolder, host_port
from platform_app.kit.log import Log
from platform_app.kit.loop import every
from platform_app.kit.metrics import CONTENT_TYPE, Metrics
from platform_app.traffic.api import Api
from platform_app.traffic.customer import Customer
from platform_app.traffic.figures import Figures
from platform_app.traffic.jobs import Jobs
from platform_app.traffic.logins import Logins
from platform_app.traffic.pace import Pace
from platform_app.traffic.provider import Provider

log = Log("platform.traffic")
CUSTOMERS_AT_ONCE = 6
PROVIDERS_AT_ONCE = 4
PAUSE_SECONDS = 0.25


class Town:
    """The people of one configuration. Nothing that a server answers, and no failure of a story, ends them."""

    def __init__(self, folder: ConfigFolder) -> None:
        self._folder = folder
        self.metrics = Metrics("traffic")
        self.figures = Figures(self.metrics)

    async def run(self) -> None:
        """Plays until cancelled. Raises OSError when the port is taken."""
        runner = web.AppRunner(self._page(), access_log=None)
        await runner.setup()
        host, port = host_port(self._folder.config.traffic.listen)
        await web.TCPSite(runner, host, port).start()
        log.info("traffic.started", address=self._folder.config.traffic.listen)
        self.metrics.config_version.labels("traffic").set(self._folder.config.version)
        try:
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=32)) as session:
                await asyncio.gather(*self._loops(session))
        finally:
            await runner.cleanup()

    def _loops(self, session: aiohttp.ClientSession) -> list[Awaitable[None]]:
        seed = self._folder.config.traffic.seed
        pace = Pace(lambda: self._folder.config.traffic.rate_per_second, Random(seed))
        api = Api(self._folder, session, pace, self.figures)
        logins, jobs = Logins(api, self._tokens()), Jobs()
        people: list[Customer | Provider] = []
        people += [Customer(api, logins, jobs, Random(seed + n)) for n in range(1, CUSTOMERS_AT_ONCE + 1)]
        people += [Provider(api, logins, jobs, Random(seed - n)) for n in range(1, PROVIDERS_AT_ONCE + 1)]
        stories = [self._loop(type(p).__name__.lower(), PAUSE_SECONDS, self._counted(p.story)) for p in people]
        return [*stories, self._loop("config", 1.0, self._watch_config)]

    def _loop(self, name: str, seconds: float, tick: Callable[[], Awaitable[object]]) -> Awaitable[None]:
        return every(lambda: seconds, name, tick, self.metrics)

    def _counted(self, story: Callable[[], Awaitable[str]]) -> Callable[[], Awaitable[None]]:
        async def play() -> None:
            end = await story()
            if end:
                self.figures.stories.labels(end).inc()

        return play

    async def _watch_config(self) -> None:
        try:
            taken = self._folder.poll()
        except ConfigError as error:
            self.metrics.config_refused.labels("traffic").inc()
            log.error("config.refused", error=str(error), version=self._folder.config.version)
            return
        if taken:
            self.metrics.config_version.labels("traffic").set(self._folder.config.version)
            log.info("config.changed", version=self._folder.config.version)

    def _tokens(self) -> Path:
        return Path(self._folder.config.sandbox.secrets_folder).parent / "traffic" / "tokens.json"

    def _page(self) -> web.Application:
        async def metrics(_request: web.Request) -> web.Response:
            return web.Response(body=self.metrics.text(), headers={"Content-Type": CONTENT_TYPE})

        async def healthz(_request: web.Request) -> web.Response:
            version = self._folder.config.version
            return web.json_response({"status": "ok", "service": "traffic", "config_version": version})

        app = web.Application()
        app.router.add_get("/metrics", metrics)
        app.router.add_get("/healthz", healthz)
        app.router.add_get("/readyz", healthz)
        return app
