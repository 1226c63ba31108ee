"""What supervisor says of a process."""

from __future__ import annotations

from opsctl.core.document import document
from opsctl.core.supervisor import ProcessState, Supervisor
from opsctl.runbook.action import Action, Context, Output


@document
class ProcessOf:
    """`process`: a name that supervisor keeps."""

    process: str


class ProcessStatusAction(Action[ProcessOf]):
    name = "process_status"
    inputs = ProcessOf
    outputs = ("process", "state", "running", "pid", "seconds", "reason")

    def run(self, context: Context, inputs: ProcessOf) -> Output:
        return state_output(Supervisor(context.supervisor).process(inputs.process), context.now)


def state_output(state: ProcessState, now: float) -> Output:
    """`seconds`: how long it has been running, 0 when it does not."""
    seconds = round(max(0.0, now - state.started_at), 1) if state.running else 0.0
    return {
        "process": state.name, "state": state.state, "running": state.running, "pid": state.pid,
        "seconds": seconds, "reason": state.reason,
    }  # fmt: skip
