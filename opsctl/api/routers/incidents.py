"""/api/opsctl/v1/incidents: list, show, stats, notes, acknowledge, reports."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from opsctl.access.roles import Principal
from opsctl.api.access import require
from opsctl.core.errors import Unreachable
from opsctl.incidents.incidents import Incidents
from opsctl.incidents.reporter import Reporter
from opsctl.incidents.view import brief, whole


class Note(BaseModel):
    text: str


class Ack(BaseModel):
    comment: str = ""


def router(incidents: Incidents, reporter: Reporter) -> APIRouter:
    """Viewers look; operators note, acknowledge and write reports."""
    made = APIRouter(prefix="/incidents", tags=["incidents"])

    @made.get("")
    def list_incidents(
        state: Literal["open", "closed", "all"] = "all",
        limit: int = Query(100, ge=1, le=1000),
        _: Principal = require("viewer"),
    ) -> list[dict[str, Any]]:
        return [brief(i) for i in incidents.store.list(state, limit)]

    @made.get("/stats")
    def show_stats(weeks: int = Query(8, ge=1, le=104), _: Principal = require("viewer")) -> dict[str, Any]:
        return incidents.stats(weeks, time.time())

    @made.get("/{number}")
    def show_incident(number: int, _: Principal = require("viewer")) -> dict[str, Any]:
        return whole(incidents.store.get(number), incidents.store.timeline(number))

    @made.post("/{number}/notes", status_code=201)
    def add_note(number: int, note: Note, request: Request, who: Principal = require("operator")) -> dict[str, Any]:
        request.state.audit = note.model_dump()
        incidents.note(number, who.name, note.text, time.time())
        return whole(incidents.store.get(number), incidents.store.timeline(number))

    @made.post("/{number}/ack")
    def acknowledge(number: int, ack: Ack, request: Request, who: Principal = require("operator")) -> dict[str, Any]:
        fingerprints = incidents.ack(number, who.name, ack.comment)
        request.state.audit = {**ack.model_dump(), "fingerprints": fingerprints}
        return {"id": number, "who": who.name, "fingerprints": fingerprints}

    @made.post("/{number}/report")
    def write_report(number: int, _: Principal = require("operator")) -> dict[str, str]:
        with suppress(Unreachable):  # the report is written all the same, from what is known
            incidents.settle(number, time.time, time.sleep)
        return reporter.write(number, time.time())

    @made.get("/{number}/report")
    def show_report(
        number: int, format: Literal["markdown", "html"] = "markdown", _: Principal = require("viewer")
    ) -> Response:
        media = "text/html" if format == "html" else "text/markdown"
        return Response(reporter.text(number, format, time.time()), media_type=f"{media}; charset=utf-8")

    return made
