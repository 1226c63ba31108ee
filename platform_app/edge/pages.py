"""What the edge answers itself: landing page, documents, health, metrics. Slow ones are remembered for seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from platform_app.edge import landing, openapi
from platform_app.edge.answers import Answer, html_answer, json_answer
from platform_app.edge.docs import docs
from platform_app.kit.client import Client
from platform_app.kit.config import ConfigFolder
from platform_app.kit.metrics import CONTENT_TYPE, Metrics
from platform_app.kit.problem import Problem

KEEP_SECONDS = {"/": 5.0, "/docs": 10.0, "/openapi.json": 10.0}


class Pages:
    """The edge's own paths; `quiet` ones are neither counted nor logged."""

    quiet = frozenset(("/healthz", "/readyz", "/metrics"))

    def __init__(self, folder: ConfigFolder, client: Client, metrics: Metrics) -> None:
        self._folder, self._client, self._metrics = folder, client, metrics
        self._kept: dict[str, tuple[float, Answer]] = {}
        self._makers: dict[str, Callable[[], Awaitable[Answer]]] = {
            "/": self._landing,
            "/docs": self._docs,
            "/openapi.json": self._openapi,
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/metrics": self._exposition,
        }

    def knows(self, path: str) -> bool:
        return path in self._makers

    async def answer(self, path: str, now: float) -> Answer:
        """The page of `path`, made now or a few seconds ago."""
        until, kept = self._kept.get(path, (0.0, None))
        if kept is not None and now < until:
            return kept
        made = await self._makers[path]()
        if path in KEEP_SECONDS:
            self._kept[path] = (now + KEEP_SECONDS[path], made)
        return made

    async def _landing(self) -> Answer:
        return html_answer(await landing.render(self._client))

    async def _docs(self) -> Answer:
        return html_answer(docs(await self._document(), f"http://{self._folder.config.edge.listen}"))

    async def _openapi(self) -> Answer:
        return json_answer(await self._document())

    async def _document(self) -> dict[str, Any]:
        return await openapi.collect(self._client, self._folder.config.services)

    async def _healthz(self) -> Answer:
        return json_answer({"status": "ok", "service": "edge", "config_version": self._folder.config.version})

    async def _readyz(self) -> Answer:
        """Which services answer; 503 when one does not."""
        names = list(self._folder.config.services)
        states = dict(zip(names, await asyncio.gather(*(self._alive(n) for n in names)), strict=True))
        ready = all(state == "ok" for state in states.values())
        return json_answer({"status": "ready" if ready else "degraded", "services": states}, 200 if ready else 503)

    async def _alive(self, service: str) -> str:
        try:
            answer = await self._client.call(service, "GET", "/healthz", timeout=2)
        except Problem as problem:
            return problem.code
        return "ok" if answer.ok else f"status {answer.status}"

    async def _exposition(self) -> Answer:
        return Answer(200, self._metrics.text(), CONTENT_TYPE)
