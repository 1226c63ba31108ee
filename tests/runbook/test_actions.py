"""The actions that only look, each against the real thing; and the pure parts beside them."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opsctl.core.errors import Conflict, NotFound, Unreachable, UsageError
from opsctl.runbook.action import Context
from opsctl.runbook.actions import BY_NAME
from opsctl.runbook.actions.http_check import accepted
from opsctl.runbook.perform import typed_inputs
from opsctl.runbook.redact import redact
from opsctl.runbook.template import NotYet, Scope, evaluate, render
from opsctl.runbook.versions import Versions
from tests.incidents.test_process import process
from tests.runbook.world import answering, free_port, inventory, write_config


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(
        {"shop": inventory(tmp_path)}, tmp_path, "http://127.0.0.1:9", tmp_path / "no.sock", time.time(), 5.0
    )


def run(context: Context, name: str, **inputs: Any) -> dict[str, Any]:
    action = BY_NAME[name]
    output = action.run(context, typed_inputs(action, inputs))
    assert set(output) == set(action.outputs)
    return output


def test_http_check(context: Context) -> None:
    with answering(503) as url:
        assert run(context, "http_check", url=url)["ok"] is False
        assert run(context, "http_check", url=url, accept="200,500-599")["ok"] is True
    dead = run(context, "http_check", url=f"http://127.0.0.1:{free_port()}/")
    assert (dead["ok"], dead["error"]) == (False, "Connection refused")
    assert [accepted(s, "200-299,404") for s in (200, 299, 300, 404, 0)] == [True, True, False, True, False]


def test_probe_sql_only_reads(context: Context, tmp_path: Path) -> None:
    with pytest.raises(Unreachable):
        run(context, "probe_sql", sql="SELECT 1")
    with sqlite3.connect(tmp_path / "shop.db") as made:
        made.execute("CREATE TABLE t AS SELECT 5 AS a")
    assert run(context, "probe_sql", sql="SELECT a, 'x' FROM t") == {"value": 5, "rows": [[5, "x"]]}
    with pytest.raises(UsageError, match=r"readonly|read-only"):
        run(context, "probe_sql", sql="DELETE FROM t")
    with pytest.raises(NotFound, match="no database"):
        run(context, "probe_sql", sql="SELECT 1", database="platfrom")


@pytest.fixture
def metrics(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "prometheus.yml").write_text("scrape_configs: []\n")
    with process("prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/m") as (
        _,
        url,
    ):
        yield url


def test_query(metrics: str, context: Context) -> None:
    with pytest.raises(Unreachable):
        run(context, "query", expr="1")
    there = Context(context.inventories, context.home, metrics, context.supervisor, time.time())
    assert run(there, "query", expr="vector(2) * 3")["value"] == 6
    assert run(there, "query", expr="7")["value"] == 7
    assert run(there, "query", expr="nothing_here") == {
        "value": None,
        "count": 0,
        "samples": [],
        "expr": "nothing_here",
    }
    assert run(there, "query", expr="vector(0) / 0")["value"] is None
    with pytest.raises(UsageError):
        run(there, "query", expr="sum(")


def test_tasks(context: Context, tmp_path: Path) -> None:
    assert run(context, "task_preview", task="tidy")["result"] == {"files": 3}
    assert (tmp_path / "task.log").read_text() == "--dry-runx\n"
    with pytest.raises(Conflict, match="took too long"):
        run(Context(context.inventories, tmp_path, "", context.supervisor, 0.0, timeout=0.6), "task", task="slow")
    with pytest.raises(NotFound, match="no task"):
        run(context, "task", task="tidi")


def test_nothing_is_found_where_nothing_is(context: Context) -> None:
    port = free_port()
    assert run(context, "port_holder", port=port)["found"] is False
    assert run(context, "lock_holder", held=0)["found"] is False
    with pytest.raises(NotFound, match="no process"):
        run(context, "port_holder", process="shopp")


def test_versions_keep_the_text_and_go_back_to_a_good_one(tmp_path: Path) -> None:
    write_config(tmp_path)
    folder = Versions(tmp_path / "config")
    assert folder.with_value("0001", "more.deep", 2) == "# kept\ngateway: primary  # which\nlimit: 5\nmore: {deep: 2}\n"
    assert 'gateway: "yes"' in folder.with_value("0001", "gateway", "yes").replace("'", '"')
    for key, value in (("limit", "6"), ("more", 1), ("limit", True)):
        with pytest.raises(UsageError, match="type"):
            folder.with_value("0001", key, value)
    with pytest.raises(NotFound, match="no key"):
        folder.with_value("0001", "limmit", 6)
    assert folder.before("0001") == ""
    assert folder.put(folder.with_value("0001", "limit", 1), "0001", {"by": "ann"}) == "0002"
    with pytest.raises(Conflict):
        folder.put("limit: 3\n", "0001", {})
    folder.switch("0001", "0002", {"by": "ann"})
    assert folder.put(folder.with_value("0001", "limit", 2), "0001", {}) == "0003"
    assert folder.before("0003") == "0001", "0002 was left for being bad"
    assert "-limit: 5\n+limit: 2" in folder.diff("0001", "0003")


def test_templates_are_typed_strict_and_sandboxed() -> None:
    scope = Scope({"n": 3}, {"service": "pay"}, {}, {"a": {"pid": 7}, "s": None})
    assert render("{{ params.n }}", scope).value == 3
    assert render("{{ params.n }}-{{ alert.labels.service }}", scope).value == "3-pay"
    assert render({"x": ["{{ steps.a.pid }}"]}, scope).value == {"x": [7]}
    assert render("{{ steps.later.pid }}", scope) == render("{{ steps.later.pid }}", scope)
    assert not render("{{ steps.later.pid }}", scope).known
    assert evaluate("steps.s.skipped and steps.s.anything is none and not steps.a.skipped", scope)
    with pytest.raises(NotYet):
        evaluate("steps.later.pid > 1", scope)
    for bad in (
        "{{ params.m }}",
        "{{ nothing }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ params.n / 0 }}",
        "x {{ params.m }}",
    ):
        with pytest.raises(UsageError):
            render(bad, scope)


def test_redaction() -> None:
    found = redact({
        "password": "a", "secret_file": "/x/secret", "nested": [{"access_token": "b"}], "url": "mysql://u:pw@h/x",
        "text": "Authorization: Bearer abcdefghijkl and ?access_token=zzz&x=1", "number": 5,
    })  # fmt: skip
    assert found == {
        "password": "********", "secret_file": "/x/secret", "nested": [{"access_token": "********"}],
        "url": "mysql://u:********@h/x", "text": "Authorization: Bearer ******** and ?access_token=********&x=1", "number": 5,
    }  # fmt: skip
