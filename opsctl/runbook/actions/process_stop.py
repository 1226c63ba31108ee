"""Stops a process that supervisor keeps, and waits for its end."""

from __future__ import annotations

from opsctl.core.supervisor import Supervisor
from opsctl.runbook.action import Action, Context, Output, Preview
from opsctl.runbook.actions.process_status import ProcessOf, ProcessStatusAction, state_output

_STOPPED = ("STOPPED", "EXITED", "FATAL")


class ProcessStopAction(Action[ProcessOf]):
    name = "process_stop"
    inputs = ProcessOf
    outputs = ProcessStatusAction.outputs
    changes = True

    def preview(self, context: Context, inputs: ProcessOf) -> Preview:
        state = Supervisor(context.supervisor).process(inputs.process)
        if state.state in _STOPPED:
            return Preview(f"{inputs.process} 没有在运行", f"{inputs.process} does not run: nothing to do")
        return Preview(f"停止 {inputs.process}（pid {state.pid}）", f"stop {inputs.process} (pid {state.pid})")

    def run(self, context: Context, inputs: ProcessOf) -> Output:
        return state_output(Supervisor(context.supervisor).stop(inputs.process), context.now)

    def verify(self, context: Context, inputs: ProcessOf) -> Output | None:
        state = Supervisor(context.supervisor).process(inputs.process)
        return state_output(state, context.now) if state.state in _STOPPED else None
