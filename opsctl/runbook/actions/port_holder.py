"""Finds who listens on a port."""

from __future__ import annotations

from opsctl.core.document import document, nearest
from opsctl.core.errors import NotFound, UsageError
from opsctl.runbook.action import Action, Context, Output
from opsctl.runbook.holders import describe, listeners, protected_pids


@document
class PortHolder:
    """`port`, or `process`: a process of the inventory, whose first address is taken."""

    port: int = 0
    process: str = ""
    system: str = ""


class PortHolderAction(Action[PortHolder]):
    """A foreign holder is named before one of our own, so that a thief behind SO_REUSEPORT is seen."""

    name = "port_holder"
    inputs = PortHolder
    outputs = ("found", "foreign", "port", "pid", "identity", "name", "command", "user")

    def run(self, context: Context, inputs: PortHolder) -> Output:
        port = _port(context, inputs)
        protected = protected_pids(context.supervisor)
        holders = [describe(pid, protected) for pid in listeners(port)]
        if not holders:
            nobody = dict.fromkeys(("pid", "identity", "name", "command", "user"))
            return {"found": False, "foreign": False, "port": port, **nobody}
        holder = min(holders, key=lambda h: not h.foreign)
        return {"found": True, "port": port, **holder.output()}


def _port(context: Context, inputs: PortHolder) -> int:
    if inputs.port:
        return inputs.port
    inventory = context.inventory(inputs.system)
    process = inventory.process(inputs.process)
    if process is None:
        hint = nearest(inputs.process, [p.name for p in inventory.processes])
        raise NotFound(f"{inventory.system} has no process {inputs.process!r}", hint)
    if not process.listen:
        raise UsageError(f"the inventory names no address for {process.name}", "give it `listen`, or the step `port`")
    return int(process.listen[0].rpartition(":")[2])
