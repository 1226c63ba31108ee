"""The engine: what people do to runs: start, approve, resume, stop, undo. The driver does the rest in the caller's threads."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any, Literal

from opsctl.core.clock import local
from opsctl.core.errors import Conflict, Forbidden
from opsctl.core.log import Log
from opsctl.runbook.action import Context
from opsctl.runbook.book import Step
from opsctl.runbook.decide import AskPerson, Finish, Settle, decide
from opsctl.runbook.drive import WORDS, Driver
from opsctl.runbook.figures import RunFigures
from opsctl.runbook.library import Library
from opsctl.runbook.params import parameters
from opsctl.runbook.perform import Outcome
from opsctl.runbook.plan import undo_book
from opsctl.runbook.serial import book_text
from opsctl.runbook.state import ENDED, RunState
from opsctl.runbook.store import Runs

Answer = Literal["as-done", "as-failed", "retry"]
FindAlert = Callable[[str], Mapping[str, Any]]


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
        self._find_alert = find_alert
        self._executor = executor
        self._now = now
        self._driver = Driver(runs, context, now, figures)
        self._log = Log("opsctl.runbook")
        self._starting = threading.Lock()

    def start(self) -> None:
        """Takes up every run that a process before this one did not end."""
        for run in self.runs.unended():
            self._driver.allow(run)
            self._submit(run)

    def close(self) -> None:
        """Breaks off every wait, leaving it for the next start; the executor's owner then waits for the threads."""
        self._driver.close()

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
        self._driver.interrupt(run)
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
        text = {"zh": f"{who} 确认：{WORDS[status]}", "en": f"{who} says: {status}"}
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
        self._driver.allow(run)
        self._submit(run)
        return self.runs.state(run)

    def _submit(self, run: str) -> None:
        self._executor.submit(self._driver.drive, run)
