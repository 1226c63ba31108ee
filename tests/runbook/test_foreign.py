"""Foreign processes on the real thing: a port thief, a SQLite lock holder; found, approved, ended."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from pathlib import Path

import psutil
import pytest

from opsctl.core.errors import Conflict, Forbidden
from opsctl.runbook.action import Context
from opsctl.runbook.actions.end_process import EndProcess, EndProcessAction
from opsctl.runbook.holders import identity, listeners, lock_holders, protected_pids, writers
from tests.runbook.world import DEAF, LOCKER, THIEF, child, free_port, inventory, world

PORT = """
parameters: {service: {default: shop}}
steps:
  - {id: holder, title: {zh: 谁, en: Who}, action: port_holder, with: {process: "{{ params.service }}"}}
  - id: end
    title: {zh: 结束, en: End}
    kind: action
    action: end_process
    dangerous: true
    when: steps.holder.found and steps.holder.foreign
    with: {pid: "{{ steps.holder.pid }}", identity: "{{ steps.holder.identity }}", port: "{{ steps.holder.port }}", grace: 500ms}
"""
LOCK = """
steps:
  - {id: holder, title: {zh: 谁, en: Who}, action: lock_holder, with: {held: 300ms}}
  - id: end
    title: {zh: 结束, en: End}
    kind: action
    action: end_process
    dangerous: true
    when: steps.holder.found
    with: {pid: "{{ steps.holder.pid }}", identity: "{{ steps.holder.identity }}", database: platform}
"""


def _context(home: Path) -> Context:
    return Context({"shop": inventory(home)}, home, "", home / "run" / "supervisor.sock", time.time())


def test_the_thief_of_a_port_is_found_and_ended_after_approval(tmp_path: Path) -> None:
    port = free_port()
    with child(DEAF + THIEF, str(port)) as thief, world(tmp_path, {"port": PORT}, port=port) as here:
        run = here.start("port").id
        state = here.until(run, "awaiting_approval")
        asked = state.asked()
        assert asked is not None
        assert asked.plan["steps"][0]["inputs"]["pid"] == thief.pid
        assert f"end process {thief.pid}" in asked.plan["preview"]["en"]
        assert thief.poll() is None
        here.engine.approve(run, asked.hash, "bob")
        done = here.until(run, "done")
        assert done.steps["end"].output is not None
        assert done.steps["end"].output["signal"] == "SIGKILL"
        assert listeners(port) == []
        assert psutil.Process(thief.pid).status() == psutil.STATUS_ZOMBIE, "ended, though its parent has not looked yet"


def test_a_port_that_nobody_holds_needs_no_approval(tmp_path: Path) -> None:
    with world(tmp_path, {"port": PORT}, port=free_port()) as here:
        assert here.until(here.start("port").id, "done").steps["end"].status == "skipped"


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_the_holder_of_the_write_lock_is_found_and_ended(tmp_path: Path, mode: str) -> None:
    file = tmp_path / "shop.db"
    with sqlite3.connect(file) as made:
        made.execute(f"PRAGMA journal_mode={mode}")
        made.execute("CREATE TABLE t (a)")
    reader = sqlite3.connect(file, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM t").fetchall()
    assert writers(file) == []
    with child(LOCKER, str(file)) as locker, world(tmp_path, {"lock": LOCK}) as here:
        assert writers(file) == [locker.pid]
        run = here.start("lock").id
        asked = here.until(run, "awaiting_approval").asked()
        assert asked is not None
        here.engine.approve(run, asked.hash, "bob")
        here.until(run, "done")
        assert writers(file) == []
        reader.execute("COMMIT")
        with sqlite3.connect(file, timeout=0) as writer:
            writer.execute("INSERT INTO t VALUES (1)")


def test_end_process_refuses_what_is_not_what_was_seen(tmp_path: Path) -> None:
    port = free_port()
    action, context = EndProcessAction(), _context(tmp_path)
    with child(THIEF, str(port)) as thief:
        seen = identity(thief.pid)
        with pytest.raises(Conflict, match="another process"):
            action.run(context, EndProcess(pid=thief.pid, identity=f"{thief.pid}:1", port=port))
        with pytest.raises(Conflict, match="no longer listens"):
            action.run(context, EndProcess(pid=thief.pid, identity=seen, port=free_port()))
        with pytest.raises(Forbidden):
            action.run(context, EndProcess(pid=os.getpid(), identity=identity(os.getpid())))
        with pytest.raises(Forbidden):
            action.run(context, EndProcess(pid=1, identity=identity(1)))
        assert action.preview(context, EndProcess(pid=thief.pid, identity="x")).problems
        assert action.verify(context, EndProcess(pid=thief.pid, identity=seen)) is None
        assert listeners(port) == [thief.pid]
        thief.kill()
        thief.wait()
        assert action.verify(context, EndProcess(pid=thief.pid, identity=seen)) is not None


def test_this_process_and_those_above_it_are_protected(tmp_path: Path) -> None:
    assert {1, os.getpid(), os.getppid()} <= protected_pids(tmp_path / "none")
    assert sys.executable


def test_lock_holders_reads_proc_locks() -> None:
    file = os.stat_result((0, 77, os.makedev(0xFE, 1), *([0] * 7)))
    text = """\
1: POSIX  ADVISORY  WRITE 10 fe:01:77 120 120
2: POSIX  ADVISORY  READ 11 fe:01:77 120 120
3: POSIX  ADVISORY  WRITE 12 fe:01:77 0 EOF
4: POSIX  ADVISORY  WRITE 13 fe:02:77 120 120
5: -> POSIX  ADVISORY  WRITE 14 fe:01:77 120 120
6: FLOCK  ADVISORY  WRITE 15 fe:01:77 0 EOF
7: POSIX  ADVISORY  WRITE 16 fe:01:77 121 130
"""
    assert list(lock_holders(text, file, 120)) == [10, 12]
