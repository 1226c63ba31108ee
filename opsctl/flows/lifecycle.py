"""Up and down: settings → plan → ports → supervisor → healthy; and back, deliveries drained, data kept."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import requests

from opsctl.core.errors import OpsctlError, Unreachable
from opsctl.core.folder import write_whole
from opsctl.core.settings import Settings
from opsctl.core.supervisor import Supervisor
from opsctl.model.inventory import Inventory, Process, load_inventory
from opsctl.processes.conf import render
from opsctl.processes.plan import GROUP, environment, plan
from opsctl.processes.ports import demand_free

OnProgress = Callable[[str], None]
_DASHBOARDS = Path(__file__).resolve().parents[2] / "dashboards" / "main.py"


@dataclass(frozen=True)
class Started:
    """What `up` left running, and the seconds until all was healthy."""

    seconds: float
    processes: tuple[str, ...]
    already: bool


def inventories(
    settings: Settings, only: Iterable[str] | None = None, without: Iterable[str] = ()
) -> tuple[Inventory, ...]:
    """The systems' inventories, those in `without` left out. Raises DocumentError."""
    names = [n for n in (only or settings.systems) if n not in set(without)]
    return tuple(load_inventory(settings.path(settings.systems[n]), settings.home_path, sys.executable) for n in names)


def supervisor_of(settings: Settings) -> Supervisor:
    return Supervisor(settings.home_path / "run" / "supervisor.sock")


def planned(settings: Settings, systems: Iterable[Inventory]) -> tuple[Process, ...]:
    return plan(settings, systems, sys.executable, _DASHBOARDS if _DASHBOARDS.exists() else None)


def up(settings: Settings, processes: tuple[Process, ...], on_progress: OnProgress, timeout: float = 90.0) -> Started:
    """Starts what does not run and waits until all is healthy. Running it twice is harmless.

    Raises PortTaken, or OpsctlError naming the process that does not come up and its last words.
    """
    began = time.monotonic()
    supervisor = supervisor_of(settings)
    already = supervisor.alive()
    if not already:
        demand_free(_addresses(settings, processes))
    _write_configuration(settings, processes)
    if already:
        _start_stopped(supervisor, processes)
    else:
        _launch(settings)
    _wait_healthy(supervisor, processes, on_progress, began + timeout)
    return Started(time.monotonic() - began, tuple(p.name for p in processes), already)


def down(settings: Settings, on_progress: OnProgress, timeout: float = 60.0) -> bool:
    """Stops the business, then our own processes, alerting last so that deliveries drain. False when nothing ran."""
    supervisor = supervisor_of(settings)
    if not supervisor.alive():
        return False
    pid = supervisor.pid()
    for name in _stopping_order([p.name for p in supervisor.processes()]):
        on_progress(f"stopping {name}")
        supervisor.stop(name)
    supervisor.shutdown()
    deadline = time.monotonic() + timeout
    while _exists(pid):
        if time.monotonic() > deadline:
            raise Unreachable(f"supervisor (pid {pid}) does not end", f"see {settings.home_path}/run/supervisord.log")
        time.sleep(0.1)
    return True


def addresses(settings: Settings, systems: Iterable[Inventory]) -> dict[str, str]:
    """What a person opens in a browser."""
    found = {title: url for inventory in systems for title, url in inventory.addresses.items()}
    return {
        **found,
        "运维接口 / operations API": f"{settings.ops_url}/docs",
        "看板 / dashboards": f"http://{settings.listen.dashboards}",
    }


def _addresses(settings: Settings, processes: Iterable[Process]) -> dict[str, str]:
    """Each address we are about to bind → the setting that moves it."""
    where = {}
    for process in processes:
        setting = (
            f"listen.{process.name} in {settings.file}"
            if process.group == GROUP
            else (
                f"`listen` of {process.name} in {settings.systems.get(process.group, 'the inventory')} and the system's own configuration"
            )
        )
        where.update(dict.fromkeys(process.listen, setting))
    return where


def _write_configuration(settings: Settings, processes: tuple[Process, ...]) -> None:
    run = settings.home_path / "run"
    run.mkdir(parents=True, exist_ok=True)
    text = render(processes, run, settings.root, environment(settings))
    write_whole(run / "supervisord.conf", text.encode())


def _launch(settings: Settings) -> None:
    run = settings.home_path / "run"
    command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(run / "supervisord.conf")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OpsctlError(f"supervisord does not start: {done.stderr.strip() or done.stdout.strip()}", f"see {run}")


def _start_stopped(supervisor: Supervisor, processes: Iterable[Process]) -> None:
    supervisor.update()
    states = {s.name: s for s in supervisor.processes()}
    for process in processes:
        if process.name in states and states[process.name].state in ("STOPPED", "EXITED", "FATAL"):
            supervisor.start(process.name, wait=False)


def _wait_healthy(
    supervisor: Supervisor, processes: Iterable[Process], on_progress: OnProgress, deadline: float
) -> None:
    waiting = {p.name: p for p in processes}
    while waiting:
        states = {s.name: s for s in supervisor.processes()} if supervisor.alive() else {}
        for name in list(waiting):
            state = states.get(name)
            if state and state.state == "FATAL":
                raise _not_up(supervisor, name, "gave up")
            if state and state.state in ("RUNNING", "STARTING") and healthy(waiting[name]):
                del waiting[name]
                on_progress(f"{name} is up")
        if waiting and time.monotonic() > deadline:
            raise _not_up(supervisor, next(iter(waiting)), "is not healthy yet")
        time.sleep(0.2 if waiting else 0)


def healthy(process: Process) -> bool:
    """Whether its health URL answers 2xx; a process without one is healthy while it runs."""
    if not process.health:
        return True
    try:
        return requests.get(process.health, timeout=2).ok
    except requests.RequestException:
        return False


def _not_up(supervisor: Supervisor, name: str, how: str) -> OpsctlError:
    output = supervisor.socket.parent / f"{name}.out.log"
    last = output.read_text(errors="replace").strip().splitlines()[-1:] if output.exists() else []
    return Unreachable(f"{name} {how}: {last[0][:300] if last else 'it said nothing'}", f"its output: {output}")


def _stopping_order(names: list[str]) -> list[str]:
    last = ["dashboards", "metrics", "ops", "alerting"]
    return [*[n for n in reversed(names) if n not in last], *[n for n in last if n in names]]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] != "Z"
