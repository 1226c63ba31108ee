"""On-call over HTTP: who has the duty, the coming shifts, overrides, the calendar file."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Path

from opsctl.api.alertmanager_json import answer
from opsctl.api.json_body import json_object, text_of
from opsctl.core.clock import Clock, parse_iso
from opsctl.core.errors import UsageError
from opsctl.flows.duty import Duty
from opsctl.flows.escalating import Escalating
from opsctl.oncall.schedule import Override

PREFIX = "/api/opsctl/v1/oncall"


class OnCallApi:
    """Endpoints under /api/opsctl/v1/oncall; errors are raised as core errors and shown as problem+json."""

    def __init__(self, duty: Duty, escalating: Escalating, clock: Clock) -> None:
        self._duty, self._escalating, self._clock = duty, escalating, clock

    def routes(self) -> list[Path]:
        return [
            Path(PREFIX, self.now, methods=["GET"]),
            Path(f"{PREFIX}/ladders", self.ladders, methods=["GET"]),
            Path(f"{PREFIX}/overrides", self.overrides, methods=["GET"]),
            Path(f"{PREFIX}/overrides", self.override, methods=["POST"]),
            Path(f"{PREFIX}/overrides/{{id}}", self.end, methods=["DELETE"]),
            Path(f"{PREFIX}/{{schedule}}/shifts", self.shifts, methods=["GET"]),
            Path(f"{PREFIX}/{{schedule}}/calendar.ics", self.calendar, methods=["GET"]),
        ]

    async def now(self, request: Request) -> Response:
        """`at`: another moment (RFC 3339)."""
        return answer(self._duty.now(self._moment(request.query_params.get("at", ""), "at")))

    async def shifts(self, request: Request) -> Response:
        """`from` (RFC 3339, default now), `days` (default 14)."""
        start, days = self._span(request)
        return answer(self._duty.shifts(request.path_params["schedule"], start, days))

    async def calendar(self, request: Request) -> Response:
        start, days = self._span(request)
        return Response(self._duty.ics(request.path_params["schedule"], start, days), media_type="text/calendar")

    async def ladders(self, _: Request) -> Response:
        return answer(self._escalating.shown())

    async def overrides(self, _: Request) -> Response:
        return answer(self._duty.overrides(self._clock.now()))

    async def override(self, request: Request) -> Response:
        """Body: {schedule, person, begin, end, reason, by}; without `begin` from now on."""
        body, now = await json_object(request), self._clock.now()
        wanted = Override(
            schedule=text_of(body, "schedule"), person=text_of(body, "person"), reason=text_of(body, "reason"),
            begin=self._moment(text_of(body, "begin"), "begin"), end=self._moment(text_of(body, "end"), "end"),
            by=text_of(body, "by"),
        )  # fmt: skip
        return answer(await run_in_threadpool(self._duty.override, wanted, now), 201)

    async def end(self, request: Request) -> Response:
        return answer(await run_in_threadpool(self._duty.end, request.path_params["id"], self._clock.now()))

    def _span(self, request: Request) -> tuple[float, float]:
        asked: Any = request.query_params.get("days", "14")
        try:
            days = float(asked)
        except ValueError as error:
            raise UsageError(f"days is a number, not {asked!r}") from error
        return self._moment(request.query_params.get("from", ""), "from"), days

    def _moment(self, text: str, name: str) -> float:
        if not text:
            return self._clock.now()
        try:
            return parse_iso(text)
        except ValueError as error:
            raise UsageError(f"{name} is a time, not {text!r}", "e.g. 2026-11-22T08:00") from error
