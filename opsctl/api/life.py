"""The life of an alert over HTTP."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Path

from opsctl.api.alertmanager import answer
from opsctl.flows.explaining import Explaining


class LifeApi:
    """GET /api/opsctl/v1/life/{fingerprint}."""

    def __init__(self, explaining: Explaining) -> None:
        self._explaining = explaining

    def routes(self) -> list[Path]:
        return [Path("/api/opsctl/v1/life/{fingerprint}", self.show, methods=["GET"])]

    async def show(self, request: Request) -> Response:
        return answer(await run_in_threadpool(self._explaining.explain, request.path_params["fingerprint"]))
