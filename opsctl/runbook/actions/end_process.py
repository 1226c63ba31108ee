"""Ends a foreign process that an earlier step found: SIGTERM, and SIGKILL where that is not heard."""

from __future__ import annotations

import time

import psutil

from opsctl.core.document import Duration, document
from opsctl.core.errors import Conflict, Forbidden, NotFound, OpsctlError
from opsctl.runbook.action import Action, Context, Output, Preview
from opsctl.runbook.actions.lock_holder import sqlite_file
from opsctl.runbook.holders import Holder, describe, identity, listeners, protected_pids, writers


@document
class EndProcess:
    """`pid` and `identity` as found; it must still hold `port` or the lock of `database` just before it is ended."""

    pid: int
    identity: str
    port: int = 0
    database: str = ""
    system: str = ""
    grace: Duration = 5.0


class EndProcessAction(Action[EndProcess]):
    """Refuses a pid that is another process by now, that no longer holds the thing, or that is one of ours."""

    name = "end_process"
    inputs = EndProcess
    outputs = ("ended", "pid", "signal", "command")
    changes = True

    def preview(self, context: Context, inputs: EndProcess) -> Preview:
        try:
            holder = _still(context, inputs)
        except OpsctlError as error:
            return Preview(f"不能结束 pid {inputs.pid}", f"cannot end pid {inputs.pid}", (error.message,))
        return Preview(
            f"结束进程 {holder.pid}（{holder.user}）：{holder.command}；先 SIGTERM，{inputs.grace:g} 秒后 SIGKILL",
            f"end process {holder.pid} of {holder.user}: {holder.command}; SIGTERM, then SIGKILL after {inputs.grace:g} s",
            detail=holder.output(),
        )

    def run(self, context: Context, inputs: EndProcess) -> Output:
        holder = _still(context, inputs)
        process = psutil.Process(inputs.pid)
        try:
            process.terminate()
            signal = "SIGTERM"
            if not _gone(inputs, inputs.grace):
                process.kill()
                signal = "SIGKILL"
                if not _gone(inputs, 5.0):
                    raise Conflict(f"process {inputs.pid} does not end, not even by SIGKILL", "it hangs in the kernel")
        except psutil.AccessDenied as error:
            raise Forbidden(
                f"process {inputs.pid} belongs to {holder.user}", "ask that user, or root, to end it"
            ) from error
        except psutil.NoSuchProcess:
            signal = "none: it ended by itself"
        return {"ended": True, "pid": inputs.pid, "signal": signal, "command": holder.command}

    def verify(self, context: Context, inputs: EndProcess) -> Output | None:
        """Done if the process seen is no more."""
        try:
            there = identity(inputs.pid) == inputs.identity
        except NotFound:
            there = False
        return None if there else {"ended": True, "pid": inputs.pid, "signal": "not known", "command": ""}


def _still(context: Context, inputs: EndProcess) -> Holder:
    """The process, after every reason not to end it was looked for. Raises Conflict, Forbidden or NotFound."""
    if identity(inputs.pid) != inputs.identity:
        raise Conflict(f"pid {inputs.pid} is another process by now", "look for the holder again")
    holder = describe(inputs.pid, protected_pids(context.supervisor))
    if not holder.foreign:
        raise Forbidden(f"pid {inputs.pid} is kept by supervisor or is opsctl itself", "use process_stop")
    if inputs.port and inputs.pid not in listeners(inputs.port):
        raise Conflict(f"pid {inputs.pid} no longer listens on port {inputs.port}", "look for the holder again")
    if inputs.database and inputs.pid not in writers(sqlite_file(context, inputs.system, inputs.database)):
        raise Conflict(f"pid {inputs.pid} no longer locks {inputs.database}", "look for the holder again")
    return holder


def _gone(inputs: EndProcess, timeout: float) -> bool:
    """Whether it ends in time. One that its parent has yet to reap (a zombie) has ended: it holds nothing any more."""
    until = time.monotonic() + timeout
    while True:
        try:
            if identity(inputs.pid) != inputs.identity:
                return True
        except NotFound:
            return True
        if time.monotonic() >= until:
            return False
        time.sleep(0.05)
