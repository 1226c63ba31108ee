"""The frame of a service: `create_app` makes its FastAPI app, `serve` runs it on its configured address.

def create(folder: ConfigFolder) -> FastAPI:
    return create_app("orders", folder, [endpoints.router], startup=startup)

if __name__ == "__main__":
    serve("orders", create)
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated, Any

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Request, Response

from platform_app.kit import log as logs
from platform_app.kit.answers import Json, on_database_error, on_invalid, on_problem
from platform_app.kit.client import Client
from platform_app.kit.config import ConfigError, ConfigFolder, PlatformConfig, host_port
from platform_app.kit.db import Db
from platform_app.kit.loop import every
from platform_app.kit.metrics import CONTENT_TYPE, Metrics
from platform_app.kit.middleware import Observe

log = logs.Log("platform.service")


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
        self.spawn(every(pause, name, tick, self.metrics))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs a coroutine in the background; cancelled when the process ends."""
        self._tasks.append(asyncio.get_running_loop().create_task(work))

    def on_close(self, call: Callable[[], Awaitable[None]]) -> None:
        """`await call()` at the end of the process."""
        self._closers.append(call)

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


def bind(name: str, address: str) -> socket.socket:
    """A bound TCP socket; when the port is taken: a clear log line and exit code 1."""
    host, port = host_port(address)
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        log.error("listen.refused", address=address, error=str(error))
        print(f"{name}: cannot listen on {address}: {error.strerror} (services.{name} moves it)", file=sys.stderr)
        sys.exit(1)
    sock.set_inheritable(True)
    return sock


def open_folder(name: str) -> ConfigFolder:
    """The configuration folder of PLATFORM_CONFIG, logging started; exit code 2 when it is wrong."""
    try:
        folder = ConfigFolder.from_environment()
    except ConfigError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(2)
    logs.configure(name, folder.config.logs.folder, folder.config.logs.level)
    return folder


def run(app: Any, sock: socket.socket) -> None:
    """Runs an ASGI app on a bound socket until SIGTERM; uvloop, httptools, one worker."""
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
    )
    uvicorn.Server(config).run(sockets=[sock])


def serve(name: str, create: Callable[[ConfigFolder], FastAPI]) -> None:
    """Runs the service `name` on the address that `services:` gives it, in the foreground."""
    folder = open_folder(name)
    sock = bind(name, folder.config.services[name])
    log.info("service.started", address=folder.config.services[name], version=folder.config.version)
    run(create(folder), sock)
    log.info("service.stopped")
