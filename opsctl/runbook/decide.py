"""What a run does next. Pure: a state and an instant in, one decision out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opsctl.core.errors import OpsctlError
from opsctl.runbook.actions import BY_NAME
from opsctl.runbook.book import Step
from opsctl.runbook.plan import Plan, approved, plan_of
from opsctl.runbook.state import RunState, RunStatus, StepRun
from opsctl.runbook.template import NotYet, evaluate, render


@dataclass(frozen=True)
class Perform:
    """Do the step with these inputs; `preview`: only say what it would do."""

    step: Step
    attempt: int
    inputs: Mapping[str, Any]
    preview: bool = False


@dataclass(frozen=True)
class Record:
    """Nothing is done: write this down as the step's outcome."""

    step: Step
    attempt: int
    inputs: Mapping[str, Any]
    outcome: Mapping[str, Any]


@dataclass(frozen=True)
class AskApproval:
    """The step is dangerous: somebody else has to approve this plan first."""

    step: Step
    inputs: Mapping[str, Any]
    plan: Plan


@dataclass(frozen=True)
class AskPerson:
    """A person has to do the manual step and say so."""

    step: Step


@dataclass(frozen=True)
class Settle:
    """A crash left the step unknown: its check decides, or a person."""

    step: Step
    ran: StepRun


@dataclass(frozen=True)
class Finish:
    status: RunStatus
    reason: str = ""


Decision = Perform | Record | AskApproval | AskPerson | Settle | Finish
_BEHIND = ("done", "skipped", "would_do", "would_fail", "not_known_yet")


def decide(state: RunState, now: float) -> Decision:
    """The first step that is not behind us decides; a stop that was asked for comes before all."""
    for step in state.book.steps:
        ran = state.steps.get(step.id)
        if ran is not None and ran.status in _BEHIND:
            continue
        if ran is not None and ran.status in ("unknown", "in_flight"):
            return Settle(step, ran)
        if state.stopped_by:
            return Finish("stopped", f"by {state.stopped_by}")
        if ran is not None and ran.status == "failed":
            return Finish("failed", f"{step.id}: {ran.en}")
        return _begin(state, step, ran.attempt + 1 if ran is not None else 1, now)
    return _end(state)


def _end(state: RunState) -> Finish:
    bad = [s.step for s in state.steps.values() if s.status == "would_fail"]
    return Finish("failed", f"would fail: {', '.join(bad)}") if bad else Finish("done")


def _begin(state: RunState, step: Step, attempt: int, now: float) -> Decision:
    try:
        return _chosen(state, step, attempt, now)
    except OpsctlError as error:
        return Record(step, attempt, {}, {"status": "failed", "zh": error.message, "en": error.message})


def _chosen(state: RunState, step: Step, attempt: int, now: float) -> Decision:
    scope = state.scope()
    try:
        if step.when and not evaluate(step.when, scope):
            return Record(step, attempt, {}, _skipped(step))
    except NotYet as missing:
        return Record(step, attempt, {}, _later(step, f"whether it runs depends on the step {missing}"))
    if step.kind == "manual":
        return _manual(state, step, attempt)
    found = render(step.with_, scope)
    if not found.known:
        return Record(step, attempt, found.value, _later(step, "its values are known at run time"))
    preview = state.dry_run and BY_NAME[step.action].changes
    if step.dangerous and not state.dry_run and not approved(state, step, now):
        return AskApproval(step, found.value, plan_of(state))
    return Perform(step, attempt, found.value, preview)


def _manual(state: RunState, step: Step, attempt: int) -> Decision:
    if not state.dry_run:
        return AskPerson(step)
    assert step.text is not None
    return Record(step, attempt, {}, {"status": "would_do", "zh": step.text.zh, "en": step.text.en})


def _skipped(step: Step) -> dict[str, Any]:
    return {"status": "skipped", "zh": f"条件不成立：{step.when}", "en": f"its condition does not hold: {step.when}"}


def _later(step: Step, why: str) -> dict[str, Any]:
    return {"status": "not_known_yet", "zh": "取值要到执行时才知道", "en": why}
