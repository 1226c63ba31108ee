"""Runs a command that the inventory names; before it, the same with --dry-run."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import Any

import orjson

from opsctl.core.document import document, nearest
from opsctl.core.errors import Conflict, NotFound, OpsctlError, Unreachable
from opsctl.runbook.action import Action, Context, Output, Preview

_TAIL = 4000
_OUTPUTS = ("task", "exit_code", "result", "text", "seconds")


@document
class Task:
    """`task`: of the inventory. Each task that a runbook may run knows --dry-run, and ends with one line of JSON."""

    task: str
    system: str = ""


class TaskPreviewAction(Action[Task]):
    """Runs the task with --dry-run: what it would do."""

    name = "task_preview"
    inputs = Task
    outputs = _OUTPUTS

    def run(self, context: Context, inputs: Task) -> Output:
        return run_task(context, inputs, "--dry-run")


class TaskAction(Action[Task]):
    """Runs the task. After a crash it cannot be told whether it was done: its step waits for a check or a person."""

    name = "task"
    inputs = Task
    outputs = _OUTPUTS
    changes = True

    def preview(self, context: Context, inputs: Task) -> Preview:
        zh, en = f"执行任务 {inputs.task}", f"run the task {inputs.task}"
        try:
            found = run_task(context, inputs, "--dry-run")
        except OpsctlError as error:
            return Preview(zh, en, (error.message,))
        return Preview(
            f"{zh}；预演结果：{found['result']}", f"{en}; its own dry run says: {found['result']}", detail=found
        )

    def run(self, context: Context, inputs: Task) -> Output:
        return run_task(context, inputs)


def run_task(context: Context, inputs: Task, *arguments: str) -> Output:
    """Runs it to its end, or to the step's timeout or stop, and then ends its whole process group."""
    inventory = context.inventory(inputs.system)
    if inputs.task not in inventory.tasks:
        raise NotFound(f"{inventory.system} has no task {inputs.task!r}", nearest(inputs.task, list(inventory.tasks)))
    command = [*inventory.tasks[inputs.task], *arguments]
    start = time.monotonic()
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, **inventory.environment}, start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise Unreachable(f"{command[0]} cannot be run: {error.strerror}") from error
    text = _wait(context, process, start + context.timeout)
    if process.returncode:
        raise Conflict(f"{inputs.task} ended with {process.returncode}: {text[-500:].strip()}")
    seconds = round(time.monotonic() - start, 2)
    return {"task": inputs.task, "exit_code": 0, "result": _result(text), "text": text[-_TAIL:], "seconds": seconds}


def _wait(context: Context, process: subprocess.Popen[str], until: float) -> str:
    while True:
        try:
            return process.communicate(timeout=0.5)[0]
        except subprocess.TimeoutExpired:
            stopped = context.stopped()
            if stopped or time.monotonic() > until:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                raise Conflict("the task was stopped" if stopped else "the task took too long and was ended") from None


def _result(text: str) -> Any:
    """The last line if it is JSON, else all of the text if that is, else None."""
    for candidate in (text.strip().rpartition("\n")[2], text):
        try:
            return orjson.loads(candidate)
        except orjson.JSONDecodeError:
            continue
    return None
