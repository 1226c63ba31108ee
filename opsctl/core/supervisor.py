"""supervisor's XML-RPC API over its unix socket. Source: supervisord.org/api.html."""

from __future__ import annotations

import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import Faults, SupervisorTransport

from opsctl.core.errors import Conflict, NotFound, Unreachable


@dataclass(frozen=True)
class ProcessState:
    """One kept process: `state` is supervisor's (RUNNING, STARTING, BACKOFF, FATAL, STOPPED, EXITED …)."""

    name: str
    state: str
    pid: int
    started_at: float
    reason: str

    @property
    def running(self) -> bool:
        return self.state == "RUNNING"


class Supervisor:
    """A running supervisord. Raises Unreachable when it does not answer, NotFound for an unknown process."""

    def __init__(self, socket_path: Path) -> None:
        self.socket = socket_path

    def alive(self) -> bool:
        """Whether a supervisord answers on the socket."""
        try:
            with self._rpc() as rpc:
                return bool(rpc.getState()["statename"] == "RUNNING")
        except Unreachable:
            return False

    def pid(self) -> int:
        with self._rpc() as rpc:
            return int(rpc.getPID())

    def processes(self) -> tuple[ProcessState, ...]:
        with self._rpc() as rpc:
            return tuple(_state(info) for info in rpc.getAllProcessInfo())

    def process(self, name: str) -> ProcessState:
        with self._rpc(name) as rpc:
            return _state(rpc.getProcessInfo(name))

    def start(self, name: str, wait: bool = True) -> ProcessState:
        """Starts it if it does not run; with `wait`, until it has run for its startsecs. Raises Conflict when it fails."""
        with self._rpc(name) as rpc:
            if rpc.getProcessInfo(name)["statename"] not in ("RUNNING", "STARTING"):
                rpc.startProcess(name, wait)
        return self.process(name)

    def stop(self, name: str) -> ProcessState:
        with self._rpc(name) as rpc:
            if rpc.getProcessInfo(name)["statename"] in ("RUNNING", "STARTING", "BACKOFF"):
                rpc.stopProcess(name, True)
        return self.process(name)

    def restart(self, name: str) -> ProcessState:
        self.stop(name)
        return self.start(name)

    def update(self) -> None:
        """Reads the configuration again; new and changed programs are (re)started, removed ones stopped."""
        with self._rpc() as rpc:
            added, changed, removed = rpc.reloadConfig()[0]
            for name in [*removed, *changed]:
                rpc.stopProcessGroup(name, True)
                rpc.removeProcessGroup(name)
            for name in [*added, *changed]:
                rpc.addProcessGroup(name)

    def shutdown(self) -> None:
        with self._rpc() as rpc:
            rpc.shutdown()

    @contextmanager
    def _rpc(self, name: str = "") -> Iterator[Any]:
        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        try:
            yield xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == Faults.BAD_NAME:
                raise NotFound(f"supervisor keeps no process {name!r}", "opsctl status lists them") from fault
            raise Conflict(
                f"supervisor: {fault.faultString}", f"its output: {self.socket.parent}/{name}.out.log"
            ) from fault
        except (OSError, xmlrpc.client.ProtocolError) as error:
            raise Unreachable(f"no supervisor answers at {self.socket}", "start it: opsctl up") from error
        finally:
            transport.close()


def _state(info: dict[str, Any]) -> ProcessState:
    return ProcessState(info["name"], info["statename"], int(info["pid"]), float(info["start"]), str(info["spawnerr"]))
