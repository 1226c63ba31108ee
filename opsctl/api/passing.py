"""Passes calls on to the metrics and alerting processes, so that one API with roles serves them all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
from fastapi import APIRouter, Request
from starlette.responses import Response

from opsctl.access.roles import Principal
from opsctl.api.problem import problem

_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "host", "content-length",
        "authorization", "content-encoding", "date", "server"}  # fmt: skip
_READING_POSTS = tuple(
    f"/api/v1/{noun}"
    for noun in ("query", "query_range", "query_exemplars", "format_query", "parse_query", "series", "labels")
)
_READING = ("GET", "HEAD", "OPTIONS")
_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]


class Passing:
    """Forwards a request to the base URL of the longest matching prefix. One session, bounded time."""

    def __init__(self, routes: Mapping[str, str], timeout: float = 30.0) -> None:
        self._routes = dict(sorted(routes.items(), key=lambda r: -len(r[0])))
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=3)
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(
            timeout=self._timeout,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept-Encoding",),
        ) as session:
            self._session = session
            yield
        self._session = None

    async def __call__(self, request: Request) -> Response:
        path = request.url.path
        base = next(url for prefix, url in self._routes.items() if path.startswith(prefix))
        _demand_role(request)
        assert self._session is not None
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP}
        query = f"?{request.url.query}" if request.url.query else ""
        try:
            async with self._session.request(
                request.method,
                f"{base}{path}{query}",
                headers=headers,
                data=await request.body(),
                allow_redirects=False,
            ) as answer:
                content = await answer.read()
                passed = {
                    k: v for k, v in answer.headers.items() if k.lower() not in _HOP or k.lower() == "content-encoding"
                }
                return Response(content, answer.status, passed)
        except (aiohttp.ClientError, TimeoutError) as error:
            return problem(
                503, "Unreachable", f"{base} does not answer: {error or type(error).__name__}", "opsctl status"
            )


def _demand_role(request: Request) -> None:
    """Reading needs a viewer, changing an operator; signed links carry their own right."""
    if request.url.path.startswith("/links/"):
        return
    principal: Principal = request.state.principal
    reading = request.method in _READING or request.url.path in _READING_POSTS
    principal.require("viewer" if reading else "operator")


def router(passing: Passing, prefixes: Mapping[str, str]) -> APIRouter:
    """One catch-all route a prefix."""
    made = APIRouter(include_in_schema=False)

    async def forward(request: Request) -> Response:
        return await passing(request)

    for prefix in prefixes:
        made.add_api_route(f"{prefix}{{rest:path}}", forward, methods=_METHODS)
    return made
