"""The frame of a service: `create_app` makes its FastAPI app, `serve` runs it on its configured address.

def create(folder: ConfigFolder) -> FastAPI:
    return create_app("orders", folder, [endpoints.router], startup=startup)

if __name__ == "__main__":
    serve("orders", create)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from sqlalchemy.exc import SQLAlchemyError

from platform_app.kit.answers import Json, on_database_error, on_invalid, on_problem
from platform_app.kit.client import Client
from platform_app.kit.config import ConfigError, ConfigFolder, PlatformConfig
from platform_app.kit.db import Db, error_kind
from platform_app.kit.log import Log
from platform_app.kit.loop import every
from platform_app.kit.metrics import CONTENT_TYPE, Metrics
from platform_app.kit.middleware import Observe
from platform_app.kit.process import bind, open_folder, run

__all__ = ["Here", "Service", "bind", "create_app", "open_folder", "run", "serve"]

log = Log("platform.service")


class Service:
    """What the endpoints and loops of one process share: configuration, database, client, metrics.

    In endpoints: `service: Here` (a FastAPI argument), or `request.app.state.service`.
    """

    def __init__(self, name: str, folder: ConfigFolder) -> None:
        self.name = name
        self.folder = folder
        self.db = Db(folder.config.database_url)
        self.metrics = Metrics(name)
        self.client = Client(folder)
        self.room: Any = None
        """Whatever the service's own `startup` puts here for its endpoints."""
        self._tasks: list[asyncio.Task[None]] = []
        self._closers: list[Callable[[], Awaitable[None]]] = []

    @property
    def config(self) -> PlatformConfig:
        """The configuration version in force; ask anew at each use."""
        return self.folder.config

    def loop(self, name: str, seconds: float | Callable[[], float], tick: Callable[[], Awaitable[object]]) -> None:
        """Runs `tick` in the background until the process ends; failures are counted and logged."""
        pause = seconds if callable(seconds) else lambda: float(seconds)
        self.spawn(every(pause, name, tick, self.metrics, self._count))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs a coroutine in the background; cancelled when the process ends."""
        self._tasks.append(asyncio.get_running_loop().create_task(work))

    def on_close(self, call: Callable[[], Awaitable[None]]) -> None:
        """`await call()` at the end of the process."""
        self._closers.append(call)

    def _count(self, error: Exception) -> bool:
        if isinstance(error, SQLAlchemyError):
            self.metrics.database_errors.labels(self.name, error_kind(error)).inc()
            return True
        return False

    async def start(self) -> None:
        self.metrics.config_version.labels(self.name).set(self.config.version)
        self.loop("config", 1.0, self._watch_config)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for call in reversed(self._closers):
            await call()
        await self.client.close()
        await self.db.close()

    async def _watch_config(self) -> None:
        old = self.config
        try:
            taken = self.folder.poll()
        except ConfigError as error:
            self.metrics.config_refused.labels(self.name).inc()
            log.error("config.refused", error=str(error), version=old.version)
            return
        if not taken:
            return
        if self.config.database_url != self.db.url:
            await self.db.use(self.config.database_url)
        self.metrics.config_version.labels(self.name).set(self.config.version)
        log.info("config.changed", old=old.version, version=self.config.version)


async def _here(request: Request) -> Service:
    found: Service = request.app.state.service
    return found


Here = Annotated[Service, Depends(_here)]
"""Endpoint argument type: the process' Service."""

Startup = Callable[[Service], Awaitable[None]]


def create_app(
    name: str, folder: ConfigFolder, routers: Sequence[APIRouter], *, startup: Startup | None = None, title: str = ""
) -> FastAPI:
    """A service's app: health, metrics, traces, problem+json, configuration watch; `startup(service)` in its loop.

    The Service is `app.state.service` from the start, so tests may look into it.
    """
    service = Service(name, folder)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(service.close)
            await service.start()
            if startup is not None:
                await startup(service)
            yield

    app = FastAPI(title=title or name, lifespan=lifespan, default_response_class=Json, docs_url=None, redoc_url=None)
    app.state.service = service
    app.add_middleware(Observe, metrics=service.metrics)
    on_problem(app)
    on_invalid(app)
    on_database_error(app, service.metrics)
    app.include_router(_operations(service))
    for router in routers:
        app.include_router(router)
    return app


def _operations(service: Service) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/healthz")
    async def healthz() -> dict[str, Any]:
        return {"status": "ok", "service": service.name, "config_version": service.config.version}

    @router.get("/readyz")
    async def readyz() -> dict[str, Any]:
        await service.db.ping()
        return {"status": "ready", "service": service.name}

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(service.metrics.text(), media_type=CONTENT_TYPE)

    return router


def serve(name: str, create: Callable[[ConfigFolder], FastAPI]) -> None:
    """Runs the service `name` on the address that `services:` gives it, in the foreground."""
    folder = open_folder(name)
    sock = bind(name, folder.config.services[name])
    log.info("service.started", address=folder.config.services[name], version=folder.config.version)
    run(create(folder), sock)
    log.info("service.stopped")
