"""process_* and the refusals, against a real supervisord."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsctl.core.errors import Conflict, Forbidden, NotFound
from opsctl.core.supervisor import Supervisor
from opsctl.runbook.action import Context
from opsctl.runbook.actions.end_process import EndProcess, EndProcessAction
from opsctl.runbook.holders import describe, identity, protected_pids
from tests.runbook.world import THIEF, child, free_port, inventory, world

CONF = """
[supervisord]
logfile={run}/d.log
pidfile={run}/d.pid
childlogdir={run}
[unix_http_server]
file={run}/supervisor.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[program:shop]
command={python} -m http.server {port} --bind 127.0.0.1
startsecs=1
startretries=1
autorestart=true
"""
DOWN = """
parameters: {service: {default: shop}}
steps:
  - {id: status, title: {zh: 看, en: Look}, action: process_status, with: {process: "{{ params.service }}"}}
  - {id: holder, title: {zh: 谁, en: Who}, action: port_holder, with: {process: "{{ params.service }}"}}
  - id: end
    title: {zh: 结束, en: End}
    kind: action
    action: end_process
    dangerous: true
    when: steps.holder.found and steps.holder.foreign
    with: {pid: "{{ steps.holder.pid }}", identity: "{{ steps.holder.identity }}", port: "{{ steps.holder.port }}"}
  - {id: start, title: {zh: 启, en: Start}, kind: action, action: process_start, with: {process: "{{ params.service }}"}}
  - {id: up, title: {zh: 等, en: Up}, kind: wait, action: process_status, with: {process: "{{ params.service }}"}, until: output.running, every: 200ms}
"""


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def supervisor(tmp_path: Path, port: int) -> Iterator[Supervisor]:
    run = tmp_path / "run"
    run.mkdir()
    conf = run / "s.conf"
    conf.write_text(CONF.format(run=run, python=sys.executable, port=port))
    command = [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(conf)]
    daemon = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = Supervisor(run / "supervisor.sock")
    try:
        _until(lambda: found.alive() and found.process("shop").running)
        yield found
    finally:
        daemon.terminate()
        daemon.wait(10)


def _until(holds: object, timeout: float = 15) -> None:
    end = time.monotonic() + timeout
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_service_whose_port_was_stolen_comes_back(tmp_path: Path, supervisor: Supervisor, port: int) -> None:
    """The paged scenario: killed while a thief takes its port, so that supervisor gives up."""
    supervisor.stop("shop")
    with child(THIEF, str(port)) as thief, world(tmp_path, {"down": DOWN}, port=port) as here:
        with pytest.raises(Conflict):
            supervisor.start("shop")
        _until(lambda: supervisor.process("shop").state == "FATAL")
        dry = here.until(here.start("down", dry_run=True).id, "done")
        assert {k: s.status for k, s in dry.steps.items()} == {
            "status": "done", "holder": "done", "end": "would_do", "start": "would_do", "up": "would_do",
        }  # fmt: skip
        run = here.start("down").id
        asked = here.until(run, "awaiting_approval").asked()
        assert asked is not None
        assert str(thief.pid) in asked.plan["preview"]["zh"]
        here.engine.approve(run, asked.hash, "bob")
        here.until(run, "done")
        assert supervisor.process("shop").running


def test_stop_restart_and_what_is_kept_cannot_be_ended(tmp_path: Path, supervisor: Supervisor, port: int) -> None:
    context = Context({"shop": inventory(tmp_path)}, tmp_path, "", supervisor.socket, time.time())
    pid = supervisor.process("shop").pid
    assert {pid, supervisor.pid(), os.getpid()} <= protected_pids(supervisor.socket)
    assert not describe(pid, protected_pids(supervisor.socket)).foreign
    with pytest.raises(Forbidden):
        EndProcessAction().run(context, EndProcess(pid=pid, identity=identity(pid), port=port))
    text = """
steps:
  - {id: again, title: {zh: 重启, en: Again}, kind: action, action: process_restart, with: {process: shop}}
  - {id: up, title: {zh: 等, en: Up}, kind: wait, action: process_status, with: {process: shop}, until: output.running, every: 200ms}
  - {id: stop, title: {zh: 停, en: Stop}, kind: action, action: process_stop, with: {process: shop}}
"""
    with world(tmp_path, {"again": text}, port=port) as here:
        state = here.until(here.start("again").id, "done")
        assert state.steps["up"].output is not None
        assert state.steps["up"].output["pid"] != pid
        assert supervisor.process("shop").state == "STOPPED"
        with pytest.raises(NotFound):
            supervisor.process("shoo")
