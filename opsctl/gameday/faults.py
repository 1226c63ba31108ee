"""Faults from outside: each can be put in and lifted, and leaves a record by which a later run can lift it.

A process that a fault starts is a stranger to the product: detached, and gone by itself after ten minutes.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import requests

from opsctl.core.errors import OpsctlError, Unreachable
from opsctl.core.supervisor import Supervisor
from opsctl.core.versions import ConfigVersions
from opsctl.gameday.scenario import FaultOf

_LOCK = (
    "import sqlite3, sys, time; "
    "c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30); c.execute('BEGIN IMMEDIATE'); time.sleep(600)"
)
_THIEF = """
import signal, socket, sys, time
signal.alarm(600)
while True:
    try:
        taken = socket.create_server(("127.0.0.1", int(sys.argv[1])))
        break
    except OSError:
        time.sleep(0.005)
while True:
    taken.accept()[0].close()
"""
Record = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """Two functions: `inject` breaks and returns the record that `lift` needs to take the injector away."""

    inject: Callable[[FaultOf], Record]
    lift: Callable[[FaultOf, Record], None]


def _http_on(fault: FaultOf) -> Record:
    _admin("PUT", fault.url, fault.body)
    return {}


def _http_off(fault: FaultOf, _: Record) -> None:
    _admin("DELETE", fault.url)


def _admin(method: str, url: str, body: Any = None) -> None:
    try:
        requests.request(method, url, json=body, timeout=10).raise_for_status()
    except requests.RequestException as error:
        raise Unreachable(f"the fault's switch {url} does not answer: {error}", "opsctl status") from error


def _kill_and_steal(fault: FaultOf) -> Record:
    """SIGKILL to the service; before supervisor has it back, a foreign process listens on its port."""
    victim = _listener(fault.port)
    if victim is None:
        raise OpsctlError(f"nothing listens on port {fault.port}", "opsctl status")
    thief = _stranger([sys.executable, "-c", _THIEF, str(fault.port)])
    record = {"pid": thief, "created": _created(thief)}
    time.sleep(0.3)  # until it stands before the door
    os.kill(victim, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while _listener(fault.port) != thief:
        if time.monotonic() > deadline:
            _end_stranger(fault, record)
            raise OpsctlError(f"port {fault.port} could not be taken")
        time.sleep(0.02)
    return record


def _service_back(fault: FaultOf, record: Record) -> None:
    """Ends the stranger and starts the service, if the runbook has not."""
    _end_stranger(fault, record)
    if fault.supervisor:
        Supervisor(Path(fault.supervisor)).start(fault.process, wait=False)


def _lock(fault: FaultOf) -> Record:
    holder = _stranger([sys.executable, "-c", _LOCK, fault.path])
    deadline = time.monotonic() + 30
    while _writable(fault.path):
        if time.monotonic() > deadline:
            raise OpsctlError(f"the lock on {fault.path} could not be taken")
        time.sleep(0.05)
    return {"pid": holder, "created": _created(holder)}


def _writable(path: str) -> bool:
    """Whether the write lock can be had at once."""
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        connection.execute("ROLLBACK")
    return True


def _end_stranger(_: FaultOf, record: Record) -> None:
    """Ends what the fault left behind, if the runbook has not. Without a record nothing is known of it."""
    if "pid" not in record:
        return
    try:
        process = psutil.Process(record["pid"])
        if abs(process.create_time() - record["created"]) < 1:
            process.kill()
    except psutil.NoSuchProcess:
        return


def _fill(fault: FaultOf) -> Record:
    """Temporary files that expired long ago, until the folder's quota is nearly used up."""
    folder = Path(fault.path)
    folder.mkdir(parents=True, exist_ok=True)
    versions = ConfigVersions(Path(fault.config))
    limit = int(versions.get(fault.limit_bytes_key))
    left = int(limit * fault.up_to_ratio) - sum(f.stat().st_size for f in folder.parent.rglob("*") if f.is_file())
    old, number = time.time() - fault.age, 0
    while left > 0:
        number += 1
        file = folder / f"upload-{number:04d}.part"
        size = min(left, 4_000_000)
        file.write_bytes(os.urandom(size))
        os.utime(file, (old, old))
        left -= size
    return {"files": number}


def _nothing_left(_: FaultOf, __: Record) -> None:
    """The damage was one event: there is no injector to take away."""


def _bad_version(fault: FaultOf) -> Record:
    versions = ConfigVersions(Path(fault.config))
    before = versions.current
    return {"before": before, "version": versions.write(versions.changed(fault.key, fault.value))}


def _restore_version(fault: FaultOf, record: Record) -> None:
    versions = ConfigVersions(Path(fault.config))
    if "version" in record and versions.current == record["version"]:
        versions.use(record["before"])


FAULTS: Mapping[str, Fault] = {
    "http": Fault(_http_on, _http_off),
    "kill_and_steal_port": Fault(_kill_and_steal, _service_back),
    "database_lock": Fault(_lock, _end_stranger),
    "fill_folder": Fault(_fill, _nothing_left),
    "config": Fault(_bad_version, _restore_version),
}


def _stranger(command: list[str]) -> int:
    """Starts a process that is nobody's child, in a session of its own; its pid."""
    launched = subprocess.run(
        ["sh", "-c", '"$@" </dev/null >/dev/null 2>&1 & echo $!', "sh", *command],
        stdout=subprocess.PIPE, text=True, check=True, start_new_session=True, cwd="/",
    )  # fmt: skip
    return int(launched.stdout)


def _created(pid: int) -> float:
    return float(psutil.Process(pid).create_time())


def _listener(port: int) -> int | None:
    for connection in psutil.net_connections("inet"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr[1:2] == (port,):
            return connection.pid
    return None
