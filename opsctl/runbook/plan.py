"""The plan of a run: every step with its inputs filled in as far as they are known. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson

from opsctl.runbook.book import Runbook, Step, Undo
from opsctl.runbook.redact import redact
from opsctl.runbook.state import RunState
from opsctl.runbook.template import NotYet, Scope, evaluate, render


@dataclass(frozen=True)
class PlannedStep:
    """`known` False: its inputs need a step before it to run first, and are shown as written.

    `runs`: whether its condition holds; None where that is not known yet.
    """

    id: str
    kind: str
    action: str
    inputs: Mapping[str, Any]
    known: bool
    runs: bool | None
    dangerous: bool
    zh: str
    en: str


@dataclass(frozen=True)
class Plan:
    """The steps still to be done, and the hash that an approval is bound to."""

    runbook: str
    params: Mapping[str, Any]
    steps: tuple[PlannedStep, ...]
    hash: str

    def output(self) -> dict[str, Any]:
        return asdict(self)


def render_plan(book: Runbook, digest: str, scope: Scope, done: frozenset[str] = frozenset()) -> Plan:
    """The plan of the steps that are not done. Same runbook, same values: same hash. Raises UsageError."""
    steps = tuple(planned(step, scope) for step in book.steps if step.id not in done)
    content = {
        "runbook": digest,
        "params": scope.params,
        "labels": scope.labels,
        "steps": [[s.id, s.action, s.inputs, s.known, s.runs, s.dangerous] for s in steps],
    }
    text = orjson.dumps(content, option=orjson.OPT_SORT_KEYS, default=str)
    return Plan(book.name, dict(scope.params), steps, hashlib.sha256(text).hexdigest()[:16])


def plan_of(state: RunState) -> Plan:
    done = frozenset(name for name, s in state.steps.items() if s.status in ("done", "skipped"))
    return render_plan(state.book, state.digest, state.scope(), done)


def planned(step: Step, scope: Scope) -> PlannedStep:
    """One step as it would be done; its inputs without secrets."""
    try:
        runs: bool | None = bool(evaluate(step.when, scope)) if step.when else True
    except NotYet:
        runs = None
    if runs is False:
        return PlannedStep(
            step.id, step.kind, step.action, {}, True, False, step.dangerous, step.title.zh, step.title.en
        )
    found = render(step.with_, scope)
    inputs = redact(found.value)
    return PlannedStep(
        step.id, step.kind, step.action, inputs, found.known, runs, step.dangerous, step.title.zh, step.title.en
    )


def approved(state: RunState, step: Step, now: float) -> bool:
    """Whether an approval in force covers exactly this step with exactly these values."""
    wanted = orjson.loads(orjson.dumps(asdict(planned(step, state.scope())), default=str))
    return any(
        entry == wanted and entry["known"]
        for approval in state.approvals
        if approval.holds(now)
        for entry in approval.plan["steps"]
    )


def undo_book(state: RunState) -> Runbook:
    """The runbook that takes a run's done actions back, last first, with the values of that run. It may have no step."""
    steps = [
        _undo_step(step, step.undo, state.scope())
        for step in reversed(state.book.steps)
        if step.undo is not None and step.id in state.steps and state.steps[step.id].status == "done"
    ]
    return replace(state.book, steps=tuple(steps), parameters={}, alerts=())


def _undo_step(step: Step, undo: Undo, scope: Scope) -> Step:
    title = replace(step.title, zh=f"撤销：{step.title.zh}", en=f"Undo: {step.title.en}")
    inputs = render(undo.with_, scope).value
    return Step(
        id=f"undo_{step.id}", title=title, kind="action", action=undo.action, with_=inputs, dangerous=undo.dangerous
    )
