"""A run and a runbook as the API, the command line and pages show them. Pure."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from opsctl.runbook.book import Runbook, Step, Text
from opsctl.runbook.plan import planned
from opsctl.runbook.state import ENDED, RunState, StepRun


def run_view(state: RunState) -> dict[str, Any]:
    """`plan_hash` and `approval` are there while the run awaits approval. Times are epoch seconds."""
    asked = state.asked() if state.status == "awaiting_approval" else None
    approval = asked and {
        "hash": asked.hash, "step": asked.step, "asked_at": asked.asked_at, "expires_at": asked.expires_at,
        "plan": asked.plan,
    }  # fmt: skip
    return {
        "id": state.id, "runbook": state.book.name, "title": text_view(state.book.title), "status": state.status,
        "reason": state.reason, "note": state.note, "requester": state.requester, "dry_run": state.dry_run,
        "undo_of": state.undo_of, "fingerprint": state.fingerprint, "labels": dict(state.labels),
        "params": dict(state.params), "started_at": state.started_at, "ended_at": state.ended_at,
        "plan_hash": asked.hash if asked else "", "approval": approval,
        "approved_by": sorted({a.approved_by for a in state.approvals if a.approved_by}),
        "steps": [_step_view(state, step) for step in state.book.steps],
    }  # fmt: skip


def _step_view(state: RunState, step: Step) -> dict[str, Any]:
    common = {
        "name": step.id, "title": text_view(step.title), "kind": step.kind, "action": step.action,
        "dangerous": step.dangerous, "text": text_view(step.text) if step.text else None,
    }  # fmt: skip
    ran = state.steps.get(step.id)
    if ran is None or ran.status in ("given_up", "stopped"):
        return {**common, **_pending(state, step)}
    return {**common, **_ran(ran)}


def _pending(state: RunState, step: Step) -> dict[str, Any]:
    if state.status in ENDED:
        return {"status": "not_run", "summary": "", "inputs": {}, "known": False, "output": None}
    plan = planned(step, state.scope())
    return {"status": "pending", "summary": "", "inputs": plan.inputs, "known": plan.known, "output": None}


def _ran(ran: StepRun) -> dict[str, Any]:
    return {
        "status": ran.status, "summary": both(ran.zh, ran.en), "inputs": dict(ran.inputs),
        "known": ran.status != "not_known_yet", "output": ran.output, "attempt": ran.attempt, "by": ran.by,
        "begun_at": ran.begun_at, "ended_at": ran.ended_at,
    }  # fmt: skip


def both(zh: str, en: str) -> str:
    """Chinese first, English beside it, once where they are the same."""
    return zh if zh == en or not en else f"{zh} / {en}"


def text_view(text: Text) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}


def book_brief(book: Runbook) -> dict[str, Any]:
    return {
        "name": book.name, "title": text_view(book.title), "alerts": list(book.alerts), "steps": len(book.steps),
        "dangerous": sum(s.dangerous for s in book.steps),
    }  # fmt: skip


def book_view(book: Runbook) -> dict[str, Any]:
    """The whole document, as written, defaults filled in."""
    found: dict[str, Any] = TypeAdapter(Runbook).dump_python(book, by_alias=True, mode="json", exclude_none=True)
    return found
