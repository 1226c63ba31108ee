"""Lets pages of other origins read the API, as Prometheus does by default; OPTIONS is answered with what they may."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALLOWED = {
    "Access-Control-Allow-Headers": "Accept, Authorization, Content-Type, Origin",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Date",
    "Vary": "Origin",
}


class Cors:
    """ASGI middleware for /api/v1/ and /federate. Source: prometheus util/httputil/cors.go with its default origin."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(("/api/v1/", "/federate")):
            await self._app(scope, receive, send)
            return
        added = _ALLOWED if "origin" in Headers(scope=scope) else {}
        if scope["method"] == "OPTIONS" and scope["path"].startswith("/api/v1/"):
            await Response(status_code=204, headers=added)(scope, receive, send)
            return

        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(added)
            await send(message)

        await self._app(scope, receive, adding)
