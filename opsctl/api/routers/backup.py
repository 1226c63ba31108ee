"""/api/opsctl/v1/backup: run, drill, verify in the background; snapshots, drills, status."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import PlainTextResponse

from opsctl.access.roles import Principal
from opsctl.api.access import require
from opsctl.core.errors import NotFound
from opsctl.flows.backup_calendar import start
from opsctl.flows.resilience import Resilience
from opsctl.resilience.background import Background, Job


class Begin(BaseModel):
    """What to begin. `source`: a database of backup.yml; empty for all of them."""

    verb: Literal["run", "drill", "verify"]
    source: str = ""


def router(resilience: Resilience, background: Background) -> APIRouter:
    """Everybody may look; to begin something takes an operator."""
    made = APIRouter(prefix="/backup", tags=["backup"])

    @made.get("/status")
    def show_status(_: Principal = require("viewer")) -> dict[str, Any]:
        return dataclasses.asdict(resilience.status())

    @made.get("/snapshots")
    def list_snapshots(source: str = "", _: Principal = require("viewer")) -> list[dict[str, Any]]:
        return [dataclasses.asdict(s) for s in resilience.list() if source in ("", s.source)]

    @made.get("/drills")
    def list_drills(source: str = "", limit: int = 100, _: Principal = require("viewer")) -> list[dict[str, Any]]:
        found = [d for d in resilience.drills() if source in ("", d.source)]
        return [dataclasses.asdict(d) for d in found[::-1][: min(limit, 1000)]]

    @made.get("/drills/{drill}/report", response_class=PlainTextResponse)
    def show_report(drill: str, _: Principal = require("viewer")) -> PlainTextResponse:
        return PlainTextResponse(resilience.report(drill), media_type="text/markdown; charset=utf-8")

    @made.post("/jobs", status_code=202)
    def begin(wanted: Begin, request: Request, _: Principal = require("operator")) -> list[dict[str, Any]]:
        request.state.audit = wanted.model_dump()
        names = (wanted.source,) if wanted.source or wanted.verb == "verify" else resilience.sources
        if not names:
            raise NotFound("backup.yml names no source", "add one under sources:")
        return [_view(start(wanted.verb, name, resilience, background)) for name in names]

    @made.get("/jobs/{job}")
    def show_job(job: str, _: Principal = require("viewer")) -> dict[str, Any]:
        return _view(background.get(job))

    return made


def _view(job: Job) -> dict[str, Any]:
    return dataclasses.asdict(job)
