"""Runs one of our processes: its loops, its HTTP API, its graceful end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import inspect
import logging
import signal
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import uvicorn
from starlette.types import ASGIApp

from opsctl.api.guard import Guard
from opsctl.core.errors import OpsctlError, PortTaken
from opsctl.core.log import Log
from opsctl.core.memory import return_memory
from opsctl.core.settings import host_port
from opsctl.core.web_config import load_web_config

LOG = Log("opsctl.serve")
_DRAIN_SECONDS = 3


class Process(Protocol):
    """A process of ours: loops that start and stop, and the ASGI application they are seen by.

    `start` returns when the loops run; `stop` when everything acknowledged is durable. `reload` loads the
    documents again, or raises OpsctlError and leaves the old ones in force; it may be sync or async.
    """

    @property
    def asgi(self) -> ASGIApp: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def reload(self) -> Awaitable[None] | None: ...


def serve(
    process: Process, address: str, setting: str, name: str = "", on_ready: Callable[[str], None] | None = None,
    web_config: Path | None = None,
) -> None:  # fmt: skip
    """Runs a process until SIGTERM or SIGINT; SIGHUP reloads its documents.

    `address` is HOST:PORT (port 0 takes a free one), `setting` what to change when it is taken, `name` what the
    ready line on stderr calls it: `opsctl metrics ready on http://127.0.0.1:8401`; `on_ready` is told the
    address really bound. `web_config`: a file with TLS, users and headers. Raises PortTaken, DocumentError.
    """
    return_memory()
    tls = load_web_config(web_config).tls if web_config is not None else None
    sock = listen(address, setting)
    try:
        asyncio.run(_run(process, sock, name or setting.rpartition(".")[2], on_ready, (web_config, tls)))
    finally:
        sock.close()


def listen(address: str, setting: str) -> socket.socket:
    """A listening socket on HOST:PORT. Raises PortTaken, whose hint names the setting that moves it."""
    host, port = host_port(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(
        family, socket.SOCK_STREAM, socket.IPPROTO_TCP
    )  # asyncio sets TCP_NODELAY only when it is said
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(1024)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"port {port} on {host} is taken by another process", f"move it with {setting}") from error
        raise OpsctlError(f"cannot listen on {address}: {error.strerror}", f"change {setting}") from error
    return sock


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: signals are ours."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _run(
    process: Process, sock: socket.socket, name: str, on_ready: Callable[[str], None] | None,
    door: tuple[Path | None, ssl.SSLContext | None],
) -> None:  # fmt: skip
    end = asyncio.Event()
    reloads: asyncio.Queue[None] = asyncio.Queue(maxsize=1)
    _on_signals(end.set, lambda: None if reloads.full() else reloads.put_nowait(None))
    await process.start()
    file, tls = door
    server = _Server(_config(process.asgi if file is None else Guard(process.asgi, file), tls))
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    reloading = asyncio.create_task(_reload_loop(process, reloads))
    try:
        await _started(server, serving)
        host, port = sock.getsockname()[:2]
        print(f"opsctl {name} ready on {'https' if tls else 'http'}://{host}:{port}", file=sys.stderr, flush=True)
        LOG.info("process.ready", process=name, address=f"{host}:{port}")
        if on_ready is not None:
            on_ready(f"{host}:{port}")
        await _first(asyncio.create_task(end.wait()), serving)
    finally:
        LOG.info("process.stopping", process=name)
        reloading.cancel()
        server.should_exit = True
        await asyncio.wait({serving}, timeout=_DRAIN_SECONDS + 1)
        await process.stop()
        LOG.info("process.stopped", process=name)
    if serving.done() and not serving.cancelled() and (failure := serving.exception()) is not None:
        raise failure


class _Config(uvicorn.Config):
    """uvicorn's, with a TLS context that is made already."""

    tls: ssl.SSLContext | None = None

    def load(self) -> None:
        super().load()
        self.ssl = self.tls


def _config(app: ASGIApp, tls: ssl.SSLContext | None) -> uvicorn.Config:
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    made = _Config(
        app, access_log=False, log_config=None, lifespan="auto", server_header=False,
        timeout_graceful_shutdown=_DRAIN_SECONDS, timeout_keep_alive=75, ws="none",
    )  # fmt: skip
    made.tls = tls
    return made


def _on_signals(end: Callable[[], None], reload: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    loop.add_signal_handler(signal.SIGHUP, reload)


async def _started(server: _Server, serving: asyncio.Task[None]) -> None:
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)


async def _first(end: asyncio.Task[Any], serving: asyncio.Task[Any]) -> None:
    await asyncio.wait((end, serving), return_when=asyncio.FIRST_COMPLETED)
    end.cancel()


async def _reload_loop(process: Process, reloads: asyncio.Queue[None]) -> None:
    while True:
        await reloads.get()
        try:
            pending = process.reload()
            if inspect.isawaitable(pending):
                await pending
            LOG.info("process.reloaded")
        except OpsctlError as error:
            LOG.error("process.reload_refused", error=error.message, hint=error.hint)
            print(f"opsctl: reload refused, the old documents stay in force: {error.message}", file=sys.stderr)
