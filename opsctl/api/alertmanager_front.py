"""Before API v2: CORS, methods, media types and unknown paths, as Alertmanager's generated server answers them."""

from __future__ import annotations

import asyncio
import re
import time

import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opsctl.alerts.figures import HttpFigures

_METHODS = {
    "/alerts": ("POST", "GET"), "/alerts/groups": ("GET",), "/receivers": ("GET",), "/status": ("GET",),
    "/silences": ("POST", "GET"),
}  # fmt: skip
_ONE_SILENCE = re.compile(r"/silence/([^/]+)\Z")
_UUID = re.compile(r"(?i)[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\Z")
_VARY = {"Vary": "Origin", "Cache-Control": "no-store"}


class Front:
    """ASGI middleware under the route prefix. `concurrency`: GETs at once (0 is no limit); `timeout`: seconds for
    one request (0 is no limit).
    """

    def __init__(
        self, app: ASGIApp, prefix: str, figures: HttpFigures, concurrency: int = 0, timeout: float = 0.0
    ) -> None:
        self._app, self._base, self._figures = app, f"{prefix}/api/v2", figures
        self._free, self._timeout = concurrency or None, timeout or None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self._base + "/"):
            await self._app(scope, receive, send)
            return
        path, headers = scope["path"][len(self._base) :], Headers(scope=scope)
        if path.removesuffix("/") in _METHODS:
            path = path.removesuffix("/")
            scope = {**scope, "path": f"{self._base}{path}"}
        began, size, status = time.perf_counter(), 0, 500
        cross = {**_VARY, "Access-Control-Allow-Origin": "*"} if "origin" in headers else _VARY

        async def adding(message: Message) -> None:
            nonlocal size, status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).update(cross)
            else:
                size += len(message.get("body", b""))
            await send(message)

        early = _preflight(scope, headers) or _refusal(scope["method"], self._base, path, headers)
        await (early(scope, receive, adding) if early else self._limited(scope, receive, adding))
        handler = "/silence" if path.startswith("/silence/") else path if path in _METHODS else "/"
        self._figures.answered(handler, scope["method"].lower(), status, time.perf_counter() - began, size)

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        counted = scope["method"] == "GET" and self._free is not None
        if counted and self._free == 0:
            self._figures.limited.labels("get").inc()
            text = "Limit of concurrent GET requests reached, try again later.\n"
            await PlainTextResponse(text, 503)(scope, receive, send)
            return
        self._free = self._free - 1 if counted and self._free is not None else self._free
        self._figures.in_flight.labels(scope["method"].lower()).inc()
        try:
            async with asyncio.timeout(self._timeout):
                await self._app(scope, receive, send)
        except TimeoutError:
            await PlainTextResponse("Exceeded configured timeout.\n", 503)(scope, receive, send)
        finally:
            self._figures.in_flight.labels(scope["method"].lower()).dec()
            self._free = self._free + 1 if counted and self._free is not None else self._free


def _preflight(scope: Scope, headers: Headers) -> Response | None:
    """Source: rs/cors with its defaults."""
    wanted = headers.get("access-control-request-method", "")
    if scope["method"] != "OPTIONS" or not wanted:
        return None
    allowed = {"Access-Control-Allow-Methods": wanted} if wanted in ("GET", "POST", "HEAD") else {}
    return Response(status_code=204, headers=allowed)


def _refusal(method: str, base: str, path: str, headers: Headers) -> Response | None:
    silence = _ONE_SILENCE.match(path)
    methods = ("GET", "DELETE") if silence else _METHODS.get(path)
    if methods is None:
        return _answer(404, 404, f"path {base}{path} was not found")
    if method not in methods:
        made = _answer(405, 405, f"method {method} is not allowed, but [{','.join(methods)}] are")
        made.headers["Allow"] = ",".join(methods)
        return made
    if silence and not _UUID.match(silence[1]):
        return _answer(422, 601, f"silenceID in path must be of type uuid: {orjson.dumps(silence[1]).decode()}")
    return _media(method, headers)


def _media(method: str, headers: Headers) -> Response | None:
    """What is sent and what is wanted is JSON."""
    kind = headers.get("content-type", "application/octet-stream").partition(";")[0].strip().lower()
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    if method == "POST" and has_body and kind != "application/json":
        return _answer(415, 415, f'unsupported media type "{kind}", only [application/json] are allowed')
    accept = headers.get("accept", "")
    ranges = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    if accept and not ranges & {"*/*", "application/*", "application/json", "*"}:
        return _answer(406, 406, "unsupported media type requested, only [application/json] are available")
    return None


def _answer(status: int, code: int, message: str) -> Response:
    return Response(orjson.dumps({"code": code, "message": message}) + b"\n", status, media_type="application/json")
