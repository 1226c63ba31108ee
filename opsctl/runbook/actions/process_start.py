"""Starts a process that supervisor keeps."""

from __future__ import annotations

from opsctl.core.supervisor import Supervisor
from opsctl.runbook.action import Action, Context, Output, Preview
from opsctl.runbook.actions.process_status import ProcessOf, ProcessStatusAction, state_output

STARTED = ("RUNNING", "STARTING", "BACKOFF")


class ProcessStartAction(Action[ProcessOf]):
    """Asks for the start and does not wait until it is up: that is a wait step's part."""

    name = "process_start"
    inputs = ProcessOf
    outputs = ProcessStatusAction.outputs
    changes = True

    def preview(self, context: Context, inputs: ProcessOf) -> Preview:
        state = Supervisor(context.supervisor).process(inputs.process)
        if state.running:
            return Preview(f"{inputs.process} 已在运行，不动", f"{inputs.process} runs already: nothing to do")
        return Preview(
            f"启动 {inputs.process}（现在是 {state.state}）", f"start {inputs.process} (now {state.state})",
            detail={"state": state.state},
        )  # fmt: skip

    def run(self, context: Context, inputs: ProcessOf) -> Output:
        """A process in BACKOFF is being started by supervisor already."""
        supervisor = Supervisor(context.supervisor)
        state = supervisor.process(inputs.process)
        if state.state not in STARTED:
            state = supervisor.start(inputs.process, wait=False)
        return state_output(state, context.now)

    def verify(self, context: Context, inputs: ProcessOf) -> Output | None:
        state = Supervisor(context.supervisor).process(inputs.process)
        return state_output(state, context.now) if state.state in STARTED else None
