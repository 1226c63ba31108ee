"""The life of an alert over HTTP."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Path

from opsctl.api.alertmanager_json import answer
from opsctl.core.clock import Clock
from opsctl.flows.explaining import Explaining


class LifeApi:
    """GET /api/opsctl/v1/life/{fingerprint}."""

    def __init__(self, explaining: Explaining, clock: Clock) -> None:
        self._explaining, self._clock = explaining, clock

    def routes(self) -> list[Path]:
        return [Path("/api/opsctl/v1/life/{fingerprint}", self.show, methods=["GET"])]

    async def show(self, request: Request) -> Response:
        fingerprint, now = request.path_params["fingerprint"], self._clock.now()
        return answer(await run_in_threadpool(self._explaining.explain, fingerprint, now))
