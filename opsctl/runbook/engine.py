"""The engine: starts, drives, approves, resumes and stops runs. One decision at a time, each act journalled.

Threads are the caller's: `executor` runs `_drive`, at most one at a time for one run.
"""

from __future__ import annotations

import secrets
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any, Literal

from opsctl.core.clock import local
from opsctl.core.errors import Conflict, Forbidden, NotFound, OpsctlError
from opsctl.core.log import Log
from opsctl.journal import UnknownStep
from opsctl.runbook.action import Context
from opsctl.runbook.actions import BY_NAME
from opsctl.runbook.book import Step
from opsctl.runbook.decide import AskApproval, AskPerson, Decision, Finish, Perform, Record, Settle, decide
from opsctl.runbook.figures import RunFigures
from opsctl.runbook.library import Library
from opsctl.runbook.params import parameters
from opsctl.runbook.perform import Outcome, Performer
from opsctl.runbook.plan import undo_book
from opsctl.runbook.redact import redact
from opsctl.runbook.serial import book_text
from opsctl.runbook.state import ENDED, RunState
from opsctl.runbook.store import Runs
from opsctl.runbook.template import render

APPROVAL_SECONDS = 1800.0
Answer = Literal["as-done", "as-failed", "retry"]
FindAlert = Callable[[str], Mapping[str, Any]]
_WORDS = {
    "done": "完成", "failed": "失败", "skipped": "跳过", "stopped": "已停止", "would_do": "将会执行",
    "would_fail": "将会失败", "not_known_yet": "执行时才知道", "given_up": "放弃",
}  # fmt: skip


class _Closing(Exception):
    """The process ends; the step is left for the next start."""


class RunbookEngine:
    """Runs runbooks.

    `context(now)` gives the actions' surroundings; `find_alert(fingerprint)` gives an alert's `labels` and
    `annotations` or raises NotFound; `now` is the clock of the loop; `executor` is owned outside.
    """

    def __init__(
        self, runs: Runs, library: Library, context: Callable[[float], Context], find_alert: FindAlert,
        executor: Executor, now: Callable[[], float], figures: RunFigures,
    ) -> None:  # fmt: skip
        self.runs = runs
        self.library = library
        self._context = context
        self._find_alert = find_alert
        self._executor = executor
        self._now = now
        self._figures = figures
        self._log = Log("opsctl.runbook")
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._wake: defaultdict[str, threading.Event] = defaultdict(threading.Event)
        self._starting = threading.Lock()
        self._closing = False

    def start(self) -> None:
        """Takes up every run that a process before this one did not end."""
        for run in self.runs.unended():
            self._submit(run)

    def close(self) -> None:
        """Breaks off every wait, leaving it for the next start; the executor's owner then waits for the threads."""
        self._closing = True
        for event in list(self._wake.values()):
            event.set()

    def run(
        self,
        name: str,
        params: Mapping[str, Any],
        fingerprint: str,
        dry_run: bool,
        who: str,
        request: str | None = None,
    ) -> RunState:
        """Starts a run. Raises UsageError for a bad parameter, Conflict when the same is being done already.

        The same `request` (idempotency key) again answers with the run it started.
        """
        known = self.runs.by_request(request) if request else None
        if known is not None:
            return self.runs.state(known)
        book = self.library.get(name)
        alert = {**self._find_alert(fingerprint), "fingerprint": fingerprint} if fingerprint else {}
        values = parameters(book, params, alert.get("labels", {}))
        with self._starting:
            if not dry_run:
                self._refuse_twice(name, values)
            return self._add(name, self.library.text(name), values, alert, who, dry_run, request=request)

    def undo(self, run: str, who: str) -> RunState:
        """Starts a run that takes the done actions of an ended one back, last first."""
        state = self.runs.state(run)
        if state.status not in ENDED or state.dry_run:
            raise Conflict(f"run {run} is {state.status}; only what was done and has ended is undone")
        book = undo_book(state)
        if not book.steps:
            raise Conflict(f"run {run} did nothing that can be undone")
        alert = {"fingerprint": state.fingerprint, "labels": state.labels, "annotations": state.annotations}
        return self._add(book.name, book_text(book), {}, alert, who, False, undo_of=run)

    def approve(self, run: str, digest: str, who: str) -> RunState:
        """Approves the plan with this hash. Raises Forbidden for the requester, Conflict for another or expired plan."""
        state, now = self.runs.state(run), self._now()
        asked = state.asked()
        if state.status != "awaiting_approval" or asked is None:
            raise Conflict(f"run {run} is {state.status}: nothing to approve")
        if who == state.requester:
            raise Forbidden(f"{who} asked for this run and cannot approve it", "somebody else has to: --as approver")
        if asked.hash != digest:
            raise Conflict(
                f"the plan that awaits approval is {asked.hash}, not {digest}", f"opsctl runbook status {run}"
            )
        if now >= asked.expires_at:
            raise Conflict("the request for approval has expired", f"ask again: opsctl runbook resume {run}")
        self.runs.approve(asked.id, who, now)
        zh, en = f"{who} 批准了计划 {digest}", f"{who} approved the plan {digest}"
        self.runs.event(run, f"approval:{asked.id}:approved", now, "approved", asked.step, zh, en)
        return self._go_on(run)

    def resume(self, run: str, who: str, answer: Answer | None = None) -> RunState:
        """Goes on with a run that waits: says what became of its step, asks for approval again, or lifts a stop."""
        state, now = self.runs.state(run), self._now()
        if state.status in ("running", "done"):
            raise Conflict(f"run {run} is {state.status}: nothing to resume")
        if answer is not None:
            self._answer(state, answer, who, now)
        elif state.status == "awaiting_approval":
            self._ask_again(state, now)
        elif state.status != "stopped":
            raise Conflict(f"run {run} is {state.status}", "say which: --as-done, --as-failed or --retry")
        if state.stopped_by:
            self.runs.set_stopped(run, "")
        zh, en = f"{who} 继续执行（{answer or '继续'}）", f"resumed by {who} ({answer or 'go on'})"
        self.runs.event(run, f"resumed:{now:.3f}", now, "resumed", "", zh, en)
        return self._go_on(run)

    def stop(self, run: str, who: str) -> RunState:
        """Stops before the next step; a wait is broken off, a running task ended, any other act ends by itself."""
        state, now = self.runs.state(run), self._now()
        if state.status in ENDED:
            raise Conflict(f"run {run} has ended: {state.status}")
        self.runs.set_stopped(run, who)
        self.runs.event(run, f"stop:{now:.3f}", now, "stopping", "", f"{who} 要求停止", f"{who} asked to stop")
        self._wake[run].set()
        if state.status != "running":
            self._submit(run)
        return self.runs.state(run)

    def _add(
        self, name: str, text: str, values: Mapping[str, Any], alert: Mapping[str, Any], who: str, dry_run: bool,
        request: str | None = None, undo_of: str = "",
    ) -> RunState:  # fmt: skip
        now = self._now()
        run = f"{local(now, '%m%d-%H%M%S')}-{secrets.token_hex(2)}"
        self.runs.add(run, name, text, values, alert, who, dry_run, now, request, undo_of)
        what = ("预演", "dry run of") if dry_run else ("撤销", "undo of") if undo_of else ("执行", "run of")
        self.runs.event(
            run, "started", now, "started", "", f"{who} 开始{what[0]} {name}", f"{what[1]} {name} started by {who}"
        )
        self._log.info("runbook.started", run=run, runbook=name, who=who, dry_run=dry_run)
        return self._go_on(run)

    def _refuse_twice(self, name: str, values: Mapping[str, Any]) -> None:
        for run in self.runs.unended():
            other = self.runs.state(run)
            if other.book.name == name and dict(other.params) == dict(values) and not other.dry_run:
                raise Conflict(
                    f"run {run} of {name} with the same parameters is {other.status}", f"opsctl runbook status {run}"
                )

    def _answer(self, state: RunState, answer: Answer, who: str, now: float) -> None:
        step = self._waiting_step(state)
        ran = state.steps.get(step.id)
        status = {"as-done": "done", "as-failed": "failed", "retry": "given_up"}[answer]
        text = {"zh": f"{who} 确认：{_WORDS[status]}", "en": f"{who} says: {status}"}
        outcome: Outcome = {"status": status, "by": who, **text}
        journal = self.runs.journal(state.id)
        if ran is not None and ran.status == "unknown":
            journal.settle(f"{step.id}#{ran.attempt}", outcome, now)
        elif answer == "retry" and ran is None:
            raise Conflict(f"step {step.id} is for a person to do", "--as-done or --as-failed")
        else:
            attempt = ran.attempt + 1 if ran is not None else 1
            journal.perform(f"{step.id}#{attempt}", {}, lambda: outcome, lambda: now)

    def _waiting_step(self, state: RunState) -> Step:
        decision = decide(replace(state, stopped_by=""), self._now())
        if isinstance(decision, Settle | AskPerson):
            return decision.step
        if isinstance(decision, Finish) and decision.status == "failed" and not state.dry_run:
            return next(s for s in state.book.steps if s.id in state.steps and state.steps[s.id].status == "failed")
        raise Conflict(f"run {state.id} is {state.status}: no step waits for an answer")

    def _ask_again(self, state: RunState, now: float) -> None:
        asked = state.asked()
        if asked is not None and now < asked.expires_at:
            raise Conflict(
                f"run {state.id} awaits approval of {asked.hash}", f"opsctl runbook approve {state.id} --as approver"
            )

    def _go_on(self, run: str) -> RunState:
        self.runs.set_status(run, "running", "", self._now())
        self._wake[run].clear()
        self._submit(run)
        return self.runs.state(run)

    def _submit(self, run: str) -> None:
        self._executor.submit(self._drive, run)

    def _drive(self, run: str) -> None:
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
            zh = f"{step.title.zh}：{_WORDS.get(ran.status, ran.status)}" + (f"（{ran.zh}）" if ran.zh else "")
            en = f"{step.title.en}: {ran.status}" + (f" ({ran.en})" if ran.en else "")
            key = f"step:{ran.step}#{ran.attempt}"
            self.runs.event(state.id, key, ran.ended_at, f"step {ran.status}", ran.step, zh, en)

    def _finish(self, state: RunState, decision: Finish, now: float) -> bool:
        if state.status != decision.status:
            zh, en = f"{_WORDS[decision.status]}：{state.book.name}", f"{state.book.name}: {decision.status}"
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


def no_alerts(fingerprint: str) -> Mapping[str, Any]:
    """A `find_alert` for an engine without an alerting process."""
    raise NotFound(f"no alert {fingerprint}")
