"""The noise report over HTTP."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Path

from opsctl.alerts.history import History
from opsctl.api.alertmanager_json import answer
from opsctl.core.clock import Clock
from opsctl.core.errors import UsageError
from opsctl.flows.noise import noise
from opsctl.oncall.acks import Acks

_MOST_DAYS = 92


class NoiseApi:
    """GET /api/opsctl/v1/noise?days=7."""

    def __init__(self, history: History, acks: Acks, clock: Clock) -> None:
        self._history, self._acks, self._clock = history, acks, clock

    def routes(self) -> list[Path]:
        return [Path("/api/opsctl/v1/noise", self.show, methods=["GET"])]

    async def show(self, request: Request) -> Response:
        asked = request.query_params.get("days", "7")
        if not asked.isdigit() or not 1 <= int(asked) <= _MOST_DAYS:
            raise UsageError(f"days is a whole number between 1 and {_MOST_DAYS}, not {asked!r}")
        found = await run_in_threadpool(noise, self._history, self._acks, self._clock.now(), int(asked))
        return answer(found.json())
