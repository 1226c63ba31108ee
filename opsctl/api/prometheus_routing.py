"""Routes as Prometheus' router has them: methods exactly as named, 405 with Allow, OPTIONS, one slash too many.

Source: julienschmidt/httprouter's defaults, which prometheus/common/route keeps.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Protocol
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

Handler = Callable[[Request], Awaitable[Response]]
_NAMED = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Route:
    """A path (`/label/{name}/values`) and who answers it, by method."""

    path: str
    by_method: Mapping[str, Handler]


class Counting(Protocol):
    """Told of every route as Prometheus names it, and of every request that it took: its answer, seconds."""

    def known(self, handler: str) -> None: ...

    def took(self, handler: str, response: Response, seconds: float) -> None: ...

    def clock(self) -> float: ...


def plain_error(text: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """As Go's http.Error."""
    return PlainTextResponse(f"{text}\n", status, {"X-Content-Type-Options": "nosniff", **(headers or {})})


def redirect(place: str, status: int, method: str = "GET") -> Response:
    """As Go's http.Redirect."""
    words = {301: "Moved Permanently", 302: "Found", 307: "Temporary Redirect"}
    if method != "GET":
        return Response(status_code=status, headers={"Location": place})
    return HTMLResponse(f'<a href="{escape(place)}">{words[status]}</a>.\n\n', status, {"Location": place})


class Router:
    """An ASGI application. All paths begin with `prefix` ('' or `/path`); OPTIONS below `open` is answered by `options`.

    `counting` is told of the requests that a route took.
    """

    def __init__(
        self, routes: Sequence[Route], counting: Counting, prefix: str = "", open_under: str = "", options: Handler | None = None
    ) -> None:  # fmt: skip
        self._routes = [(_pattern(prefix + route.path), route) for route in routes]
        self._counting = counting
        for route in routes:
            counting.known(_shown(route))
        self._open, self._options = prefix + open_under, options
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope, receive, send)
            await (await self._answer(request))(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path, method = str(request.scope["path"]), request.method
        clean = _clean(path)
        if clean != path:
            return redirect(_with_query(clean, request), 301, method)
        if self._prefix and path == "/" and method == "GET":
            return redirect(self._prefix, 302)
        if self._options is not None and method == "OPTIONS" and path.startswith(self._open):
            return await self._options(request)
        found = self._find(path)
        if found is None:
            return self._elsewhere(request, path)
        route, parameters = found
        handler = route.by_method.get(method)
        if handler is None:
            return _not_allowed(method, route)
        request.scope["path_params"] = parameters
        return await self._counted(route, handler, request)

    async def _counted(self, route: Route, handler: Handler, request: Request) -> Response:
        began = self._counting.clock()
        response = await handler(request)
        self._counting.took(_shown(route), response, self._counting.clock() - began)
        return response

    def _find(self, path: str) -> tuple[Route, dict[str, str]] | None:
        for pattern, route in self._routes:
            match = pattern.fullmatch(path)
            if match:
                return route, match.groupdict()
        return None

    def _elsewhere(self, request: Request, path: str) -> Response:
        """Where only a slash at the end is too many or too few, the way there; else 404."""
        method = request.method
        if self._options is not None and f"{path}/" == self._open:
            return redirect(_with_query(self._open, request), 301, method)
        other = path.removesuffix("/") if path.endswith("/") else f"{path}/"
        found = self._find(other)
        if found is not None and method in found[0].by_method:
            return redirect(_with_query(other, request), 301 if method == "GET" else 307, method)
        return plain_error("404 page not found", 404)


def _clean(path: str) -> str:
    """The path without doubled slashes and dots, as Go's ServeMux sends clients to."""
    clean = posixpath.normpath(f"/{path.lstrip('/')}")
    return f"{clean}/" if path.endswith("/") and clean != "/" else clean


def _with_query(path: str, request: Request) -> str:
    query = request.scope["query_string"].decode("latin-1")
    return f"{quote(path)}?{query}" if query else quote(path)


@lru_cache(maxsize=256)
def _named(path: str) -> str:
    return _NAMED.sub(r":\1", path) or "/"


def _shown(route: Route) -> str:
    return _named(route.path)


def _pattern(path: str) -> re.Pattern[str]:
    parts = _NAMED.split(path)
    return re.compile("".join(f"(?P<{p}>[^/]+)" if i % 2 else re.escape(p) for i, p in enumerate(parts)))


def _not_allowed(method: str, route: Route) -> Response:
    allow = {"Allow": ", ".join(sorted({*route.by_method, "OPTIONS"}))}
    if method == "OPTIONS":
        return Response(headers=allow)
    return plain_error("Method Not Allowed", 405, allow)
