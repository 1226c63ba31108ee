"""kill -9 of the engine in the middle of a step: never silently done again."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from opsctl.runbook.holders import listeners
from tests.runbook.world import DEAF, THIEF, book, child, free_port, world, write_config

TASK = """
steps:
  - {id: first, title: {zh: 一, en: One}, kind: action, action: task, with: {task: tidy}}
  - {id: slow, title: {zh: 慢, en: Slow}, kind: action, action: task, with: {task: slow}, timeout: 60s}
  - {id: last, title: {zh: 三, en: Three}, kind: action, action: task, with: {task: tidy}}
"""


@contextmanager
def victim(home: Path, text: str, when: Callable[[], bool]) -> Iterator[str]:
    """Starts the engine elsewhere, kills it with SIGKILL as soon as `when` holds, and gives the run."""
    (home / "runbooks").mkdir(exist_ok=True)
    (home / "runbooks" / "victim.yml").write_text(book("victim", text))
    command = [sys.executable, "-m", "tests.runbook.killed", str(home)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    run = process.stdout.readline().strip()
    end = time.monotonic() + 20
    while not when():
        assert time.monotonic() < end
        time.sleep(0.02)
    time.sleep(0.1)
    process.kill()
    process.wait()
    yield run


def _lines(home: Path) -> int:
    file = home / "task.log"
    return len(file.read_text().splitlines()) if file.exists() else 0


def test_a_task_in_flight_is_unknown_and_waits_for_a_person(tmp_path: Path) -> None:
    with victim(tmp_path, TASK, lambda: _lines(tmp_path) == 2) as run, world(tmp_path, {}) as here:
        here.engine.start()
        state = here.until(run, "unknown")
        assert {k: s.status for k, s in state.steps.items()} == {"first": "done", "slow": "unknown"}
        assert _lines(tmp_path) == 2
        here.engine.resume(run, "ann", "as-done")
        done = here.until(run, "done")
        assert done.steps["slow"].by == "ann"
        assert _lines(tmp_path) == 3


def test_a_retry_does_it_again_because_a_person_said_so(tmp_path: Path) -> None:
    with victim(tmp_path, TASK, lambda: _lines(tmp_path) == 2) as run, world(tmp_path, {}) as here:
        here.engine.start()
        here.until(run, "unknown")
        here.engine.resume(run, "ann", "retry")
        end = time.monotonic() + 10
        while _lines(tmp_path) < 3:
            assert time.monotonic() < end
            time.sleep(0.02)
        here.engine.stop(run, "ann")
        assert here.until(run, "stopped").steps["slow"].attempt == 2


def test_as_failed_ends_it(tmp_path: Path) -> None:
    with victim(tmp_path, TASK, lambda: _lines(tmp_path) == 2) as run, world(tmp_path, {}) as here:
        here.engine.start()
        here.until(run, "unknown")
        here.engine.resume(run, "ann", "as-failed")
        here.until(run, "failed")
        assert _lines(tmp_path) == 2


def test_a_wait_in_flight_is_simply_taken_up_again(tmp_path: Path) -> None:
    write_config(tmp_path)
    text = """
steps:
  - {id: first, title: {zh: 一, en: One}, kind: action, action: task, with: {task: tidy}}
  - {id: wait, title: {zh: 等, en: Wait}, kind: wait, action: config_show, with: {key: limit}, until: output.value == 6, every: 50ms, timeout: 60s}
"""
    with victim(tmp_path, text, lambda: _lines(tmp_path) == 1) as run, world(tmp_path, {}) as here:
        here.engine.start()
        write_config(tmp_path, "limit: 6\n")
        state = here.until(run, "done")
        assert state.steps["wait"].attempt == 2
        assert _lines(tmp_path) == 1


def test_its_check_settles_a_step_in_flight(tmp_path: Path) -> None:
    """Killed while the thief, deaf to SIGTERM, was being ended; it is gone by the restart."""
    port = free_port()
    text = f"""
steps:
  - {{id: holder, title: {{zh: 谁, en: Who}}, action: port_holder, with: {{port: {port}}}}}
  - id: end
    title: {{zh: 结束, en: End}}
    kind: action
    action: end_process
    dangerous: true
    with: {{pid: "{{{{ steps.holder.pid }}}}", identity: "{{{{ steps.holder.identity }}}}", port: {port}, grace: 40s}}
    timeout: 60s
"""
    marker = tmp_path / "asked"
    deaf = f"import signal; signal.signal(signal.SIGTERM, lambda *_: open({str(marker)!r}, 'w').close())\n"
    assert DEAF
    with child(deaf + THIEF, str(port)) as thief, victim(tmp_path, text, marker.exists) as run:
        with world(tmp_path, {}) as here:
            here.engine.start()
            state = here.until(run, "unknown")
            assert listeners(port) == [thief.pid]
            assert "cannot be told" in state.reason
        thief.kill()
        thief.wait()
        with world(tmp_path, {}) as here:
            here.engine.start()
            done = here.until(run, "done")
            assert "its check says it was done" in done.steps["end"].en
            kinds = [e.kind for e in here.engine.runs.events(run=run)]
            assert kinds == ["started", "step done", "awaiting_approval", "approved", "unknown", "step done", "done"]


def test_an_approval_outlives_a_restart(tmp_path: Path) -> None:
    write_config(tmp_path)
    text = "steps:\n  - {id: a, title: {zh: 改, en: Set}, kind: action, action: config_set, dangerous: true, with: {key: limit, value: 6}}\n"
    with world(tmp_path, {"gentle": text}) as here:
        run = here.start("gentle").id
        asked = here.until(run, "awaiting_approval").asked()
    with world(tmp_path, {}) as here:
        here.engine.start()
        time.sleep(0.2)
        again = here.until(run, "awaiting_approval").asked()
        assert again == asked
        assert asked is not None
        here.engine.approve(run, asked.hash, "bob")
        here.until(run, "done")
