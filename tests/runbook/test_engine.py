"""The engine: order, conditions, approvals, stops, dry runs, undo."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsctl.core.errors import Conflict, Forbidden, NotFound, UsageError
from tests.runbook.world import answering, world, write_config

SWITCH = """
parameters:
  limit: {type: integer, default: 7}
steps:
  - {id: show, title: {zh: 看, en: Show}, action: config_show, with: {key: limit}}
  - id: set
    title: {zh: 改, en: Set}
    kind: action
    action: config_set
    dangerous: true
    when: steps.show.value != params.limit
    with: {key: limit, value: "{{ params.limit }}"}
    undo: {action: config_set, with: {key: limit, value: "{{ steps.set.old }}"}}
  - {id: after, title: {zh: 后, en: After}, action: config_show, with: {key: limit}, expect: output.value == params.limit}
"""


def test_a_dangerous_step_waits_for_somebody_else(tmp_path: Path) -> None:
    write_config(tmp_path)
    with world(tmp_path, {"switch": SWITCH}) as here:
        run = here.start("switch").id
        state = here.until(run, "awaiting_approval")
        asked = state.asked()
        assert asked is not None
        assert next((s["id"], s["inputs"]) for s in asked.plan["steps"]) == ("set", {"key": "limit", "value": 7})
        assert "5 → 7" in asked.plan["preview"]["en"]
        with pytest.raises(Forbidden):
            here.engine.approve(run, asked.hash, "ann")
        with pytest.raises(Conflict):
            here.engine.approve(run, "another", "bob")
        assert (tmp_path / "config" / "current").read_text().strip() == "0001"
        here.engine.approve(run, asked.hash, "bob")
        done = here.until(run, "done")
        assert done.steps["after"].output is not None
        assert done.steps["after"].output["value"] == 7
        text = (tmp_path / "config" / "versions" / "0002.yml").read_text()
        assert text == "# kept\ngateway: primary  # which\nlimit: 7\nmore: {deep: 1}\n"
        kinds = [e.kind for e in here.engine.runs.events(run=run)]
        assert kinds == ["started", "step done", "awaiting_approval", "approved", "step done", "step done", "done"]

        undone = here.until(here.engine.undo(run, "ann").id, "done")
        assert undone.undo_of == run
        assert (tmp_path / "config" / "current").read_text().strip() == "0003"
        with pytest.raises(Conflict):
            here.engine.undo(here.start("switch", dry_run=True).id, "ann")


def test_an_approval_expires(tmp_path: Path) -> None:
    write_config(tmp_path)
    clock = [1000.0]
    with world(tmp_path, {"switch": SWITCH}, now=lambda: clock[0]) as here:
        run = here.start("switch").id
        asked = here.until(run, "awaiting_approval").asked()
        assert asked is not None
        with pytest.raises(Conflict, match="awaits approval"):
            here.engine.resume(run, "ann")
        clock[0] += 1801
        with pytest.raises(Conflict, match="expired"):
            here.engine.approve(run, asked.hash, "bob")
        here.engine.resume(run, "ann")
        again = here.until(run, "awaiting_approval").asked()
        assert again is not None
        assert again.id > asked.id
        here.engine.approve(run, again.hash, "bob")
        here.until(run, "done")


def test_a_dry_run_changes_nothing_and_says_what_would_be(tmp_path: Path) -> None:
    write_config(tmp_path)
    with world(tmp_path, {"switch": SWITCH}) as here:
        state = here.until(here.start("switch", dry_run=True).id, "done", "failed")
        assert {k: s.status for k, s in state.steps.items()} == {"show": "done", "set": "would_do", "after": "failed"}
        assert "5 → 7" in state.steps["set"].en
        assert [p.name for p in (tmp_path / "config" / "versions").iterdir()] == ["0001.yml"]


def test_values_that_only_exist_at_run_time_are_shown_as_such(tmp_path: Path) -> None:
    write_config(tmp_path)
    text = """
steps:
  - {id: a, title: {zh: 甲, en: A}, kind: action, action: config_set, with: {key: limit, value: 8}}
  - {id: b, title: {zh: 乙, en: B}, kind: action, action: config_rollback, with: {from_version: "{{ steps.a.version }}", to_version: "{{ steps.a.previous }}"}}
  - {id: c, title: {zh: 丙, en: C}, when: steps.a.changed, action: config_show}
"""
    with world(tmp_path, {"later": text}) as here:
        state = here.until(here.start("later", dry_run=True).id, "done")
        assert {k: s.status for k, s in state.steps.items()} == {
            "a": "would_do", "b": "not_known_yet", "c": "not_known_yet",
        }  # fmt: skip
        assert state.steps["b"].inputs["from_version"] == "{{ steps.a.version }}"
        state = here.until(here.start("later").id, "done")
        assert (tmp_path / "config" / "current").read_text().strip() == "0001"


def test_a_failed_check_stops_the_run_and_can_be_retried(tmp_path: Path) -> None:
    write_config(tmp_path)
    text = """
steps:
  - {id: look, title: {zh: 看, en: Look}, action: config_show, with: {key: limit}, expect: output.value == 9, otherwise: {zh: 不是九, en: not nine}}
  - {id: tidy, title: {zh: 扫, en: Tidy}, kind: action, action: task, with: {task: tidy}}
"""
    with world(tmp_path, {"careful": text}) as here:
        run = here.start("careful").id
        state = here.until(run, "failed")
        assert "not nine" in state.reason
        assert not (tmp_path / "task.log").exists()
        write_config(tmp_path, "limit: 9\n")
        here.engine.resume(run, "ann", "retry")
        state = here.until(run, "done")
        assert state.steps["look"].attempt == 3
        assert state.steps["tidy"].output is not None
        assert state.steps["tidy"].output["result"] == {"files": 3}


def test_a_wait_waits_and_is_stopped(tmp_path: Path) -> None:
    write_config(tmp_path)
    text = """
steps:
  - {id: wait, title: {zh: 等, en: Wait}, kind: wait, action: config_show, with: {key: limit}, until: output.value == 6, every: 50ms, timeout: 20s}
  - {id: tidy, title: {zh: 扫, en: Tidy}, kind: action, action: task, with: {task: tidy}}
"""
    with world(tmp_path, {"patient": text}) as here:
        run = here.start("patient").id
        with pytest.raises(Conflict, match="same parameters"):
            here.start("patient")
        here.engine.stop(run, "bob")
        state = here.until(run, "stopped")
        assert state.reason == "by bob"
        write_config(tmp_path, "limit: 6\n")
        here.engine.resume(run, "ann")
        here.until(run, "done")
        short = text.replace("20s", "100ms").replace("== 6", "== 66")
        (tmp_path / "runbooks" / "patient.yml").write_text(
            (tmp_path / "runbooks" / "patient.yml").read_text().replace(text, short)
        )
        here.engine.library.reload()
        assert "did not come true within 0.1 s" in here.until(here.start("patient").id, "failed").reason


def test_a_running_task_is_ended_by_a_stop(tmp_path: Path) -> None:
    text = (
        "steps:\n  - {id: t, title: {zh: 慢, en: Slow}, kind: action, action: task, with: {task: slow}, timeout: 50s}\n"
    )
    with world(tmp_path, {"slow": text}) as here:
        run = here.start("slow").id
        while not (tmp_path / "task.log").exists():
            pass
        here.engine.stop(run, "bob")
        assert here.until(run, "stopped", timeout=5).steps["t"].en == "the task was stopped"


def test_manual_steps_wait_for_a_person(tmp_path: Path) -> None:
    text = """
steps:
  - {id: call, title: {zh: 打电话, en: Call}, kind: manual, text: {zh: 打电话给王工, en: Call Wang}}
  - {id: tidy, title: {zh: 扫, en: Tidy}, kind: action, action: task, with: {task: tidy}}
"""
    with world(tmp_path, {"hand": text}) as here:
        run = here.start("hand").id
        here.until(run, "awaiting_person")
        with pytest.raises(Conflict, match="awaiting_person"):
            here.engine.resume(run, "ann")
        here.engine.resume(run, "ann", "as-done")
        assert here.until(run, "done").steps["call"].by == "ann"
        run = here.start("hand").id
        here.until(run, "awaiting_person")
        here.engine.resume(run, "ann", "as-failed")
        here.until(run, "failed")


def test_the_runbook_of_the_story_with_real_gateways(tmp_path: Path) -> None:
    """The primary is dead, the standby alive: switched after approval, as payment-outage does."""
    text = """
steps:
  - {id: config, title: {zh: 看, en: Show}, action: config_show, with: {key: pay}}
  - {id: one, title: {zh: 主, en: One}, action: http_check, with: {url: "{{ steps.config.value.hosts[steps.config.value.gateway] }}", accept: 100-499}}
  - {id: two, title: {zh: 备, en: Two}, action: http_check, with: {url: "{{ steps.config.value.hosts.standby }}", accept: 100-499}}
  - {id: set, title: {zh: 切, en: Switch}, kind: action, action: config_set, dangerous: true, when: not steps.one.ok and steps.two.ok, with: {key: pay.gateway, value: standby}}
"""
    with answering(404) as alive:
        write_config(
            tmp_path, f"pay:\n  gateway: primary\n  hosts: {{primary: 'http://127.0.0.1:9/', standby: '{alive}'}}\n"
        )
        with world(tmp_path, {"pay": text}) as here:
            run = here.start("pay").id
            state = here.until(run, "awaiting_approval")
            assert state.steps["one"].output is not None
            assert state.steps["one"].output["error"] == "Connection refused"
            here.engine.approve(run, state.asked().hash, "bob")  # type: ignore[union-attr]
            here.until(run, "done")
            assert "gateway: standby" in (tmp_path / "config" / "versions" / "0002.yml").read_text()


def test_parameters_come_from_labels_and_are_typed(tmp_path: Path) -> None:
    write_config(tmp_path)
    text = """
parameters:
  service: {label: service}
  size: {type: integer, default: 2, choices: ["2", "3"]}
steps:
  - {id: show, title: {zh: 看, en: Show}, action: config_show, with: {key: "{{ 'limit' if params.service == 'shop' }}"}}
"""
    with world(tmp_path, {"named": text}) as here:
        state = here.engine.run("named", {"size": "3"}, "f00d", False, "ann", "key-1")
        assert state.params == {"service": "shop", "size": 3}
        assert here.engine.run("named", {"size": "3"}, "f00d", False, "ann", "key-1").id == state.id
        assert here.until(state.id, "done").annotations == {"summary": "坏了"}
        for wrong in ({"sise": "3"}, {"size": "x"}, {"size": "4"}, {}):
            with pytest.raises(UsageError):
                here.engine.run("named", wrong, "" if not wrong else "f00d", False, "ann")
        with pytest.raises(NotFound):
            here.engine.run("namd", {}, "", False, "ann")


def test_secrets_are_not_recorded(tmp_path: Path) -> None:
    write_config(tmp_path, "database_url: mysql://ops:hunter2@db/x\nsms_secret: hunter2\nlimit: 5\n")
    text = """
steps:
  - {id: a, title: {zh: 看, en: Show}, action: config_show, with: {key: database_url}}
  - {id: c, title: {zh: 错, en: Wrong}, kind: action, action: task, with: {task: wrong}}
"""
    with world(tmp_path, {"secret": text}) as here:
        state = here.until(here.start("secret").id, "failed")
        assert state.steps["a"].output is not None
        assert state.steps["a"].output["value"] == "mysql://ops:********@db/x"
        assert "ended with 4: password=********" in state.steps["c"].en
        here.engine.runs._db.connection().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert b"hunter2" not in (tmp_path / "runbook.db").read_bytes()
