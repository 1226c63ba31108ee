"""A target of our own: pages by path, changed by the test."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import Awaitable, Callable
from types import TracebackType

from aiohttp import web

Page = Callable[[web.Request], Awaitable[web.Response]]


class Pages:
    """An HTTP server on a free port. `pages[path]` is text, a status, or a handler; `seen` the requests' headers."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.pages: dict[str, str | int | Page] = {}
        self.seen: list[dict[str, str]] = []
        self.address = ""

    async def __aenter__(self) -> Pages:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        assert site._server is not None
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        self.address = f"127.0.0.1:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.seen.append({**request.headers, "path": request.path_qs})
        page = self.pages.get(request.path, 404)
        if isinstance(page, int):
            return web.Response(status=page)
        if isinstance(page, str):
            return web.Response(text=page)
        return await page(request)


async def zipped(_: web.Request) -> web.Response:
    """A page as gzip, whatever was asked for."""
    return web.Response(
        body=gzip.compress(b"z 1\n"), headers={"Content-Encoding": "gzip", "Content-Type": "text/plain"}
    )


async def hanging(_: web.Request) -> web.Response:
    """A page that never comes."""
    await asyncio.sleep(60)
    return web.Response(text="late 1\n")


async def until(done: Callable[[], bool], seconds: float = 8.0) -> None:
    """Waits for something to come true."""
    end = asyncio.get_running_loop().time() + seconds
    while not done():
        assert asyncio.get_running_loop().time() < end, "it did not come true"
        await asyncio.sleep(0.02)
