"""What happens around every request of a service: its trace, its count and duration, its log line. Raw ASGI."""

from __future__ import annotations

import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from platform_app.kit.answers import answer
from platform_app.kit.log import Log
from platform_app.kit.metrics import Metrics
from platform_app.kit.problem import Problem
from platform_app.kit.trace import begin, enter

log = Log("platform.http")
_QUIET = {"/healthz", "/readyz", "/metrics"}
_SLOW = 1.0


class Observe:
    """Enters the trace, counts by route template, logs unsafe, failed and slow requests, answers 500 on a defect."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {k: v for k, v in scope["headers"] if k in (b"traceparent", b"x-request-id")}
        trace = begin(
            headers.get(b"traceparent", b"").decode("latin-1"), headers.get(b"x-request-id", b"").decode("latin-1")
        )
        enter(trace)
        status = 0

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", trace.request_id.encode())]
            await send(message)

        started = time.perf_counter()
        try:
            await self._app(scope, receive, observed)
        except Exception as error:
            log.error("request.defect", exc=error, method=scope["method"], path=scope["path"])
            if status:
                raise
            await answer(Problem(500, "internal", "系统内部错误"))(scope, receive, observed)
        finally:
            self._record(scope, status or 499, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        method, path = scope["method"], scope["path"]
        if path in _QUIET:
            return
        route = getattr(scope.get("route"), "path", "unmatched")
        self._metrics.requests.labels(self._metrics.service, method, route, str(status)).inc()
        self._metrics.duration.labels(self._metrics.service, method, route).observe(seconds)
        if status >= 400 or method not in ("GET", "HEAD") or seconds > _SLOW:
            fields: dict[str, Any] = {
                "http.request.method": method,
                "url.path": path,
                "http.response.status_code": status,
                "event.duration": int(seconds * 1e9),
                "http.route": route,
            }
            (log.error if status >= 500 else log.info)("request", **fields)
