"""The edge as a raw ASGI app: a framework, middleware and validation here would each cost as much as the hop."""

from __future__ import annotations

import asyncio
import math
import time

from starlette.types import Message, Receive, Scope, Send

from platform_app.edge.activity import Visitors
from platform_app.edge.answers import Headers, problem_answer
from platform_app.edge.figures import Figures
from platform_app.edge.limits import Limiter
from platform_app.edge.pages import Pages
from platform_app.edge.proxy import Proxy, client_of, read_body
from platform_app.edge.revoked import POLL_SECONDS, Revoked
from platform_app.edge.routes import API, match
from platform_app.kit.client import Client
from platform_app.kit.config import ConfigError, ConfigFolder
from platform_app.kit.log import Log
from platform_app.kit.loop import every
from platform_app.kit.metrics import Metrics
from platform_app.kit.problem import Problem
from platform_app.kit.tokens import Principal, dead
from platform_app.kit.trace import Trace, begin, enter

log = Log("platform.edge")
LOGIN = API + "/auth/"


def label_of(scope: Scope) -> str:
    """The route's pattern, for figures: a bounded set."""
    route = match(scope["path"])
    return route.pattern if route else "unmatched"


class Edge:
    """The app. Its parts are made in the lifespan, inside the event loop."""

    def __init__(self, folder: ConfigFolder) -> None:
        self._folder = folder
        self.metrics = Metrics("edge")
        self._figures = Figures(self.metrics)
        self._limiter = Limiter()
        self._client = Client(folder)
        self._visitors = Visitors(self._client)
        self._revoked = Revoked(self._client, folder)
        self._pages = Pages(folder, self._client, self.metrics)
        self._proxy: Proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._handle(scope, receive, send)

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        headers = dict(scope["headers"])
        asked = headers.get(b"traceparent", b"").decode("latin-1"), headers.get(b"x-request-id", b"").decode("latin-1")
        trace = begin(*asked)
        enter(trace)
        extra: Headers = [(b"x-request-id", trace.request_id.encode()), (b"x-trace-id", trace.trace_id.encode())]
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        label, status = "unmatched", 499
        try:
            label, status = await self._answer(scope, headers, receive, watched, trace, extra)
        except Problem as problem:
            label, status = label_of(scope), problem.status
            if status in (502, 504):
                self._figures.upstream_errors.labels(problem.extra.get("service", ""), problem.code).inc()
            await problem_answer(problem, trace.trace_id).send(send, extra)
        except Exception as error:
            label, status = label_of(scope), 500
            log.error("request.defect", exc=error, path=scope["path"])
            if begun:
                raise
            await problem_answer(Problem(500, "internal", "系统内部错误"), trace.trace_id).send(send, extra)
        finally:
            if label not in self._pages.quiet:
                self._figures.answered(scope, label, status, time.perf_counter() - started)

    async def _answer(
        self,
        scope: Scope,
        headers: dict[bytes, bytes],
        receive: Receive,
        send: Send,
        trace: Trace,
        extra: Headers,
    ) -> tuple[str, int]:
        """Answers with a page of our own, or passes on; the route's label and the status."""
        path = scope["path"]
        if self._pages.knows(path) and scope["method"] in ("GET", "HEAD"):
            page = await self._pages.answer(path, time.monotonic())
            await page.send(send, extra)
            return path, page.status
        route = match(path)
        if route is None:
            raise Problem(404, "not_found", "没有这个地址")
        self._admit(scope, headers)
        return route.pattern, await self._forward(scope, receive, send, route.service, trace, extra)

    async def _forward(
        self, scope: Scope, receive: Receive, send: Send, service: str, trace: Trace, extra: Headers
    ) -> int:
        config = self._folder.config
        address = config.services.get(service)
        if address is None:
            raise Problem(502, "upstream_unavailable", f"未配置服务 {service}", service=service)
        body = await read_body(receive, config.edge.max_body_bytes)
        return await self._proxy.pass_on(scope, body, service, address, trace, config.edge.timeout_seconds, send, extra)

    def _admit(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        """Raises Problem 401 for a revoked token, 429 when the address or the logged-in person asks too often."""
        config, now = self._folder.config, time.monotonic()
        limits = [("address", f"a:{client_of(scope)}", config.edge.rate_limit_per_minute)]
        who = self._visitors.who_is(headers.get(b"authorization", b"").decode("latin-1"), config)
        if who is not None:
            self._refuse_revoked(scope, who)
            self._visitors.saw(who)
            limits.append(("user", f"u:{who.user_id}", config.edge.user_rate_limit_per_minute))
        for kind, key, per_minute in limits:
            wait = self._limiter.wait(key, per_minute, now)
            if wait:
                self._figures.limited.labels(kind).inc()
                after = str(math.ceil(wait))
                raise Problem(429, "rate_limited", "请求过于频繁,请稍后再试", headers={"Retry-After": after})

    def _refuse_revoked(self, scope: Scope, who: Principal) -> None:
        """Raises Problem 401, but where one logs in anew: apps send their old token along."""
        if self._revoked.knows(who) and not scope["path"].startswith(LOGIN):
            self._figures.revoked.inc()
            raise dead()

    async def _learn_revoked(self) -> None:
        now = time.time()
        await self._revoked.learn(now)
        if self._revoked.heard_at is not None:
            self._figures.revoked_heard.set(self._revoked.heard_at)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self._proxy = Proxy()
        self.metrics.config_version.labels("edge").set(self._folder.config.version)
        ticks = (
            ("config", 1.0, self._watch_config),
            ("activity", 10.0, self._visitors.report),
            ("revoked", POLL_SECONDS, self._learn_revoked),
        )
        loops = [asyncio.create_task(every(lambda s=s: s, name, tick, self.metrics)) for name, s, tick in ticks]  # type: ignore[misc]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        await self._proxy.close()
        await self._client.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _watch_config(self) -> None:
        old = self._folder.config.version
        try:
            taken = self._folder.poll()
        except ConfigError as error:
            self.metrics.config_refused.labels("edge").inc()
            log.error("config.refused", error=str(error), version=old)
            return
        if taken:
            self.metrics.config_version.labels("edge").set(self._folder.config.version)
            log.info("config.changed", old=old, version=self._folder.config.version)
