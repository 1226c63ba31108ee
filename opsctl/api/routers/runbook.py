"""/api/opsctl/v1/runbook: runbooks, their runs, approvals."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, Field

from opsctl.access.roles import Principal
from opsctl.api.access import require
from opsctl.runbook.engine import RunbookEngine
from opsctl.runbook.view import book_brief, book_view, run_view


class Begin(BaseModel):
    """What to run. `fingerprint`: the alert whose labels give the parameters; '' for none."""

    runbook: str
    fingerprint: str = ""
    params: dict[str, Any] = Field(default_factory=dict)
    dry_run: bool = False


class Approve(BaseModel):
    """`hash`: of the plan that was looked at."""

    hash: str


class Resume(BaseModel):
    """What became of the step that waits; None to ask for approval again, or to lift a stop."""

    answer: Literal["as-done", "as-failed", "retry"] | None = None


def router(engine: RunbookEngine) -> APIRouter:
    """Viewers look, operators run, resume, stop and undo, approvers approve what others asked for."""
    made = APIRouter(prefix="/runbook", tags=["runbook"])

    @made.get("/books")
    def list_books(_: Principal = require("viewer")) -> list[dict[str, Any]]:
        return [book_brief(book) for book in engine.library.all()]

    @made.get("/books/{name}")
    def show_book(name: str, _: Principal = require("viewer")) -> dict[str, Any]:
        return {**book_view(engine.library.get(name)), "document": engine.library.text(name)}

    @made.post("/runs", status_code=201)
    def begin(
        wanted: Begin,
        request: Request,
        who: Principal = require("operator"),
        idempotency_key: Annotated[str | None, Header()] = None,
    ) -> dict[str, Any]:
        key = f"{who.name}:{idempotency_key}" if idempotency_key else None
        state = engine.run(wanted.runbook, wanted.params, wanted.fingerprint, wanted.dry_run, who.name, key)
        request.state.audit = {**wanted.model_dump(), "run": state.id}
        return run_view(state)

    @made.get("/runs")
    def list_runs(
        fingerprint: str = "", status: str = "", limit: int = 50, _: Principal = require("viewer")
    ) -> list[dict[str, Any]]:
        return engine.runs.recent(min(limit, 1000), fingerprint, status)

    @made.get("/runs/{run}")
    def show_run(run: str, _: Principal = require("viewer")) -> dict[str, Any]:
        return run_view(engine.runs.state(run))

    @made.get("/runs/{run}/events")
    def list_events(run: str, after: int = 0, _: Principal = require("viewer")) -> list[dict[str, Any]]:
        return [dataclasses.asdict(e) for e in engine.runs.events(after, engine.runs.state(run).id)]

    _verbs(made, engine)
    return made


def _verbs(made: APIRouter, engine: RunbookEngine) -> None:
    @made.post("/runs/{run}/approve")
    def approve(run: str, body: Approve, request: Request, who: Principal = require("approver")) -> dict[str, Any]:
        request.state.audit = {"hash": body.hash}
        return run_view(engine.approve(run, body.hash, who.name))

    @made.post("/runs/{run}/resume")
    def resume(run: str, body: Resume, request: Request, who: Principal = require("operator")) -> dict[str, Any]:
        request.state.audit = {"answer": body.answer}
        return run_view(engine.resume(run, who.name, body.answer))

    @made.post("/runs/{run}/stop")
    def stop(run: str, who: Principal = require("operator")) -> dict[str, Any]:
        return run_view(engine.stop(run, who.name))

    @made.post("/runs/{run}/undo", status_code=201)
    def undo(run: str, request: Request, who: Principal = require("operator")) -> dict[str, Any]:
        state = engine.undo(run, who.name)
        request.state.audit = {"run": state.id}
        return run_view(state)
