"""Performs one step with its action: a check once, a wait until it holds, an action, a preview of one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from opsctl.core.errors import OpsctlError, Unreachable, UsageError
from opsctl.runbook.action import Action, Context, Output
from opsctl.runbook.actions import BY_NAME
from opsctl.runbook.book import Step
from opsctl.runbook.redact import redact, redact_text
from opsctl.runbook.template import NotYet, Scope, evaluate

Outcome = dict[str, Any]
Sleep = Callable[[float], bool]
"""Waits that many seconds; True when the waiting was broken off."""


class Performer:
    """One step of one run. `now` is the loop's clock, `sleep` its interruptible wait, `note` shows progress."""

    def __init__(
        self, context: Context, scope: Scope, now: Callable[[], float], sleep: Sleep, note: Callable[[str], None]
    ) -> None:
        self._context = context
        self._scope = scope
        self._now = now
        self._sleep = sleep
        self._note = note

    def perform(self, step: Step, inputs: Mapping[str, Any], dry_run: bool) -> Outcome:
        """The step's outcome, secrets removed. What the action raises as OpsctlError is a failed outcome."""
        action = BY_NAME[step.action]
        try:
            typed = typed_inputs(action, inputs)
            if step.kind == "wait":
                outcome = self._once(action, step, typed) if dry_run else self._wait(action, step, typed)
            else:
                outcome = _expected(step, self._run(action, step, typed), self._scope)
        except OpsctlError as error:
            outcome = _failed(_line(error))
        except NotYet as missing:
            why = f"depends on the step {missing}, which a dry run does not do"
            outcome = {"status": "not_known_yet", "zh": "取值要到执行时才知道", "en": why}
        if self._context.stopped() and outcome["status"] == "failed" and step.kind == "wait":
            outcome["status"] = "stopped"
        return _clean(outcome)

    def preview(self, step: Step, inputs: Mapping[str, Any]) -> Outcome:
        """What the step would do now; `would fail` when something stands against it."""
        action = BY_NAME[step.action]
        try:
            found = action.preview(self._context_at(step), typed_inputs(action, inputs))
        except OpsctlError as error:
            return _clean({"status": "would_fail", "zh": _line(error), "en": _line(error)})
        if found.problems:
            why = "; ".join(found.problems)
            return _clean(
                {"status": "would_fail", "zh": f"{found.zh}：{why}", "en": f"{found.en}: {why}", "output": found.detail}
            )
        return _clean({"status": "would_do", "zh": found.zh, "en": found.en, "output": found.detail})

    def verify(self, step: Step, inputs: Mapping[str, Any], own: Mapping[str, Any] | None) -> Output | None:
        """After a crash: the step's output if it is known to have been done. `own`: the inputs of its own `verify`."""
        if step.verify is None:
            action = BY_NAME[step.action]
            return action.verify(self._context_at(step), typed_inputs(action, inputs))
        action = BY_NAME[step.verify.action]
        output = self._run(action, step, typed_inputs(action, own or {}))
        done = bool(evaluate(step.verify.done, self._scope, output=output))
        found: Output | None = redact(output) if done else None
        return found

    def _run(self, action: Action[Any], step: Step, inputs: Any) -> Output:
        return action.run(self._context_at(step), inputs)

    def _context_at(self, step: Step) -> Context:
        return replace(self._context, now=self._now(), timeout=step.timeout)

    def _once(self, action: Action[Any], step: Step, inputs: Any) -> Outcome:
        output = self._run(action, step, inputs)
        holds = bool(evaluate(step.until, self._scope, output=output))
        zh, en = (
            ("现在成立", "holds now")
            if holds
            else ("现在还不成立，执行时会等待", "does not hold now: the run would wait")
        )
        return {"status": "would_do", "zh": f"{step.until}：{zh}", "en": f"{step.until}: {en}", "output": output}

    def _wait(self, action: Action[Any], step: Step, inputs: Any) -> Outcome:
        """Asks again until it holds. Nobody answering is waited for too: it may be what is being mended."""
        start = time.monotonic()
        output: Output = {}
        while True:
            try:
                output = self._run(action, step, inputs)
                last = _brief(output)
                if evaluate(step.until, self._scope, output=output):
                    seconds = time.monotonic() - start
                    return {
                        "status": "done",
                        "zh": f"等了 {seconds:.1f} 秒：{last}",
                        "en": f"after {seconds:.1f} s: {last}",
                        "output": output,
                    }
            except Unreachable as error:
                last = error.message
            self._note(redact_text(last))
            left = step.timeout - (time.monotonic() - start)
            if left <= 0:
                why = f"{step.until!r} did not come true within {step.timeout:g} s; last: {last}"
                return {**_failed(why), "output": output}
            if self._sleep(min(step.every, left)):
                return {**_failed(f"stopped while waiting; last: {last}"), "output": output}


def typed_inputs(action: Action[Any], inputs: Mapping[str, Any]) -> Any:
    """The inputs as the action's class. Raises UsageError naming the one that is wrong."""
    try:
        return TypeAdapter(action.inputs).validate_python(dict(inputs))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(p) for p in first["loc"])
        raise UsageError(f"{action.name}: {name} {first.get('input')!r}: {first['msg']}") from error


def _expected(step: Step, output: Output, scope: Scope) -> Outcome:
    brief = _brief(output)
    if step.expect and not evaluate(step.expect, scope, output=output):
        zh = step.otherwise.zh if step.otherwise else f"不符合 {step.expect}"
        en = step.otherwise.en if step.otherwise else f"does not meet {step.expect}"
        return {"status": "failed", "zh": f"{zh}（{brief}）", "en": f"{en} ({brief})", "output": output}
    return {"status": "done", "zh": brief, "en": brief, "output": output}


def _brief(output: Output) -> str:
    """The output in one line: its short values."""
    short = {
        k: v for k, v in output.items() if isinstance(v, str | int | float | bool) and len(str(v)) <= 80 and v != ""
    }
    return ", ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in short.items())


def _failed(why: str) -> Outcome:
    return {"status": "failed", "zh": why, "en": why}


def _line(error: OpsctlError) -> str:
    return f"{error.message} ({error.hint})" if error.hint else error.message


def _clean(outcome: Outcome) -> Outcome:
    cleaned: Outcome = redact(outcome)
    return cleaned
