"""Drives runs: one decision at a time, each act journalled, until a run ends or waits for somebody."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

from opsctl.core.errors import OpsctlError
from opsctl.core.log import Log
from opsctl.journal import UnknownStep
from opsctl.runbook.action import Context
from opsctl.runbook.actions import BY_NAME
from opsctl.runbook.book import Step
from opsctl.runbook.decide import AskApproval, AskPerson, Decision, Finish, Perform, Record, Settle, decide
from opsctl.runbook.figures import RunFigures
from opsctl.runbook.perform import Outcome, Performer
from opsctl.runbook.redact import redact
from opsctl.runbook.state import RunState
from opsctl.runbook.store import Runs
from opsctl.runbook.template import render

APPROVAL_SECONDS = 1800.0
WORDS = {
    "done": "完成", "failed": "失败", "skipped": "跳过", "stopped": "已停止", "would_do": "将会执行",
    "would_fail": "将会失败", "not_known_yet": "执行时才知道", "given_up": "放弃",
}  # fmt: skip


class _Closing(Exception):
    """The process ends; the step is left for the next start."""


class Driver:
    """`drive` is called in threads of the caller's; one run is driven by one of them at a time."""

    def __init__(
        self, runs: Runs, context: Callable[[float], Context], now: Callable[[], float], figures: RunFigures
    ) -> None:
        self.runs = runs
        self._context = context
        self._now = now
        self._figures = figures
        self._log = Log("opsctl.runbook")
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._wake: defaultdict[str, threading.Event] = defaultdict(threading.Event)
        self._closing = False

    def interrupt(self, run: str) -> None:
        """Breaks off a wait and ends a task, because somebody said stop."""
        self._wake[run].set()

    def allow(self, run: str) -> None:
        """Lets waits wait again."""
        self._wake[run].clear()

    def close(self) -> None:
        """Breaks off every wait, leaving it for the next start."""
        self._closing = True
        for event in list(self._wake.values()):
            event.set()

    def drive(self, run: str) -> None:
        """Decides and acts until the run ends or waits for somebody. The one broad catch of this loop."""
        with self._locks[run]:
            try:
                while not self._closing and self._step(run):
                    pass
            except _Closing:
                pass
            except Exception as error:
                self._figures.defect()
                self._log.error("runbook.defect", error, run=run)
                self._pause(run, "unknown", f"{type(error).__name__}: {error}")

    def _step(self, run: str) -> bool:
        """Carries one decision out; False when there is nothing more to do now."""
        state, now = self.runs.state(run), self._now()
        self._tell_steps(state)
        decision = decide(state, now)
        if isinstance(decision, Finish):
            return self._finish(state, decision, now)
        if isinstance(decision, AskPerson):
            text = decision.step.text or decision.step.title
            zh, en = f"等人处理：{text.zh}", f"waits for a person: {text.en}"
            self.runs.event(run, f"manual:{decision.step.id}", now, "manual", decision.step.id, zh, en)
            return self._pause(run, "awaiting_person", en)
        if isinstance(decision, AskApproval):
            return self._ask(state, decision, now)
        if isinstance(decision, Settle):
            return self._settle(state, decision, now)
        return self._perform(state, decision)

    def _perform(self, state: RunState, decision: Perform | Record) -> bool:
        key = f"{decision.step.id}#{decision.attempt}"
        act = self._act(state, decision)
        try:
            self.runs.journal(state.id).perform(key, redact(dict(decision.inputs)), act, self._now)
        except UnknownStep:
            return self._pause(state.id, "unknown", f"{key} was interrupted")
        return True

    def _act(self, state: RunState, decision: Decision) -> Callable[[], Outcome]:
        if isinstance(decision, Record):
            outcome = dict(decision.outcome)
            return lambda: outcome
        assert isinstance(decision, Perform)
        performer, step, inputs = self._performer(state), decision.step, decision.inputs
        if decision.preview:
            return lambda: performer.preview(step, inputs)
        return lambda: performer.perform(step, inputs, state.dry_run)

    def _performer(self, state: RunState) -> Performer:
        wake = self._wake[state.id]

        def sleep(seconds: float) -> bool:
            broken = wake.wait(seconds)
            if self._closing:
                raise _Closing
            return broken

        context = replace(self._context(self._now()), by=state.requester, run=state.id, stopped=wake.is_set)
        return Performer(context, state.scope(), self._now, sleep, lambda note: self.runs.set_note(state.id, note))

    def _ask(self, state: RunState, decision: AskApproval, now: float) -> bool:
        """Records what is to be approved: the rendered plan, and what the dangerous step says it would do."""
        asked = state.asked()
        if asked is not None and asked.hash == decision.plan.hash and not asked.approved_by and now < asked.expires_at:
            return self._pause(state.id, "awaiting_approval", "")
        preview = self._performer(state).preview(decision.step, decision.inputs)
        if preview["status"] == "would_fail":
            attempt = state.steps[decision.step.id].attempt + 1 if decision.step.id in state.steps else 1
            outcome = {**preview, "status": "failed"}
            return self._perform(state, Record(decision.step, attempt, decision.inputs, outcome))
        plan = {**decision.plan.output(), "preview": {"zh": preview["zh"], "en": preview["en"]}}
        self.runs.ask(state.id, decision.step.id, decision.plan.hash, plan, now, now + APPROVAL_SECONDS)
        zh, en = f"等待批准：{preview['zh']}", f"awaits approval: {preview['en']}"
        self.runs.event(state.id, f"asked:{now:.3f}", now, "awaiting_approval", decision.step.id, zh, en)
        return self._pause(state.id, "awaiting_approval", en)

    def _settle(self, state: RunState, decision: Settle, now: float) -> bool:
        """A step that only reads is simply read again; any other is settled by its check, or waits for a person."""
        step, ran = decision.step, decision.ran
        key, journal = f"{step.id}#{ran.attempt}", self.runs.journal(state.id)
        if ran.status == "in_flight":
            return False
        if state.dry_run or not BY_NAME[step.action].changes:
            journal.settle(
                key,
                {"status": "given_up", "zh": "中断后重新检查", "en": "interrupted; it only reads, so it is read again"},
                now,
            )
            return True
        output, why = self._verified(state, step)
        if output is not None:
            zh, en = "中断过；检查表明已完成", "interrupted; its check says it was done"
            journal.settle(key, {"status": "done", "zh": zh, "en": en, "output": redact(output)}, now)
            return True
        self.runs.event(
            state.id,
            f"unknown:{key}",
            now,
            "unknown",
            step.id,
            f"{step.title.zh}：中断，结果不明",
            f"{step.title.en}: {why}",
        )
        return self._pause(state.id, "unknown", f"{step.id}: {why}")

    def _verified(self, state: RunState, step: Step) -> tuple[Mapping[str, Any] | None, str]:
        try:
            scope = state.scope()
            own = render(step.verify.with_, scope).value if step.verify else None
            output = self._performer(state).verify(step, render(step.with_, scope).value, own)
        except OpsctlError as error:
            return None, f"interrupted, and its check failed: {error.message}"
        return output, "interrupted, and it cannot be told whether it was done"

    def _tell_steps(self, state: RunState) -> None:
        """One event for each attempt that has an outcome; repeating it after a crash changes nothing."""
        for ran in state.steps.values():
            if ran.ended_at is None:
                continue
            step = state.book.step(ran.step)
            zh = f"{step.title.zh}：{WORDS.get(ran.status, ran.status)}" + (f"（{ran.zh}）" if ran.zh else "")
            en = f"{step.title.en}: {ran.status.replace('_', ' ')}" + (f" ({ran.en})" if ran.en else "")
            key = f"step:{ran.step}#{ran.attempt}"
            self.runs.event(state.id, key, ran.ended_at, f"step {ran.status}", ran.step, zh, en)

    def _finish(self, state: RunState, decision: Finish, now: float) -> bool:
        if state.status != decision.status:
            zh, en = f"{WORDS[decision.status]}：{state.book.name}", f"{state.book.name}: {decision.status}"
            more = f"（{decision.reason}）" if decision.reason else ""
            self.runs.event(
                state.id, f"finished:{now:.3f}", now, decision.status, "", zh + more, f"{en} {decision.reason}".strip()
            )
            self.runs.set_status(state.id, decision.status, decision.reason, now)
            self._figures.ended(state.book.name, decision.status, state.dry_run)
            self._log.info("runbook.ended", run=state.id, status=decision.status, reason=decision.reason)
        return False

    def _pause(self, run: str, status: Literal["unknown", "awaiting_approval", "awaiting_person"], reason: str) -> bool:
        self.runs.set_status(run, status, redact(reason), self._now())
        return False
