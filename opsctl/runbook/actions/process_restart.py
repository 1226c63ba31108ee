"""Stops and starts a process that supervisor keeps."""

from __future__ import annotations

from opsctl.core.supervisor import Supervisor
from opsctl.runbook.action import Action, Context, Output, Preview
from opsctl.runbook.actions.process_status import ProcessOf, ProcessStatusAction, state_output


class ProcessRestartAction(Action[ProcessOf]):
    """After a crash it cannot be told whether the restart was done: its step waits for a check or a person."""

    name = "process_restart"
    inputs = ProcessOf
    outputs = ProcessStatusAction.outputs
    changes = True

    def preview(self, context: Context, inputs: ProcessOf) -> Preview:
        state = Supervisor(context.supervisor).process(inputs.process)
        return Preview(
            f"重启 {inputs.process}（{state.state}，pid {state.pid}）",
            f"restart {inputs.process} ({state.state}, pid {state.pid})",
        )

    def run(self, context: Context, inputs: ProcessOf) -> Output:
        supervisor = Supervisor(context.supervisor)
        supervisor.stop(inputs.process)
        return state_output(supervisor.start(inputs.process, wait=False), context.now)
