"""Incidents against the real alerting and metrics processes, through the operations API."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_client import CollectorRegistry, generate_latest
from starlette.testclient import TestClient

from opsctl.access.audit import SCHEMA as AUDIT_SCHEMA
from opsctl.access.audit import Audit
from opsctl.access.tokens import SCHEMA as TOKEN_SCHEMA
from opsctl.access.tokens import Tokens
from opsctl.api.access import Access
from opsctl.api.ops import build
from opsctl.api.routers import incidents as incidents_router
from opsctl.api.routers import runbook as runbook_router
from opsctl.core.clock import iso
from opsctl.core.db import Database
from opsctl.core.errors import Unreachable
from opsctl.flows.mending import figures_of, find_alert, run_events, runs_of
from opsctl.incidents.figures import IncidentFigures
from opsctl.incidents.incidents import Incidents
from opsctl.incidents.reporter import Reporter
from opsctl.incidents.source import AlertingSource
from opsctl.incidents.store import SCHEMA, IncidentStore
from opsctl.model.logline import LogLine
from opsctl.runbook.action import Context
from opsctl.runbook.engine import RunbookEngine
from opsctl.runbook.figures import RunFigures
from opsctl.runbook.library import Library
from opsctl.runbook.store import SCHEMA as RUN_SCHEMA
from opsctl.runbook.store import Runs
from tests.runbook.world import book, inventory, write_config

AM = "route: {receiver: none, group_by: [alertname], group_wait: 100ms, group_interval: 100ms}\nreceivers: [{name: none}]\n"
BOOK = """
alerts: [Down]
figures: [{title: {zh: 时间, en: Time}, query: time() - 1.7e9}]
parameters: {service: {label: service}}
steps:
  - {id: set, title: {zh: 改, en: Set}, kind: action, action: config_set, dangerous: true, with: {key: limit, value: 6}}
  - {id: ask, title: {zh: 问, en: Ask}, kind: wait, action: query, with: {expr: "vector(3)"}, until: output.value == 3}
"""


@contextmanager
def process(*command: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """One of our own processes on a free port; its base URL."""
    running = subprocess.Popen(
        [sys.executable, "-m", "opsctl", *command, "--web.listen-address=127.0.0.1:0"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        assert running.stdout is not None
        for line in running.stdout:
            found = re.search(r"ready on (http://[\d.:]+)", line)
            if found:
                break
        else:
            raise AssertionError("it did not start")
        yield running, found[1]
    finally:
        running.terminate()
        running.communicate(timeout=15)


@pytest.fixture(scope="module")
def alerting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("alerting")
    (home / "am.yml").write_text(AM)
    with process("alertmanager", f"--config.file={home}/am.yml", f"--storage.path={home}/data") as (_, url):
        yield url


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("metrics")
    (home / "prometheus.yml").write_text("scrape_configs: []\n")
    with process("prometheus", f"--config.file={home}/prometheus.yml", f"--storage.tsdb.path={home}/data") as (_, url):
        yield url


class Ops:
    """The ops process' part of it, wired as app/ops.py does."""

    def __init__(self, home: Path, alerting: str, metrics: str) -> None:
        write_config(home)
        (home / "runbooks").mkdir(exist_ok=True)
        (home / "runbooks" / "mend.yml").write_text(book("mend", BOOK))
        self.registry = CollectorRegistry()
        library = Library(home / "runbooks")
        library.reload()
        source = AlertingSource(alerting)
        runs = Runs(Database(home / "runbook.db", RUN_SCHEMA))
        context = Context({"shop": inventory(home)}, home, metrics, home / "no.sock", 0.0)
        self.executor = ThreadPoolExecutor(2)
        self.engine = RunbookEngine(
            runs, library, lambda now: context, find_alert(source), self.executor, time.time, RunFigures(self.registry)
        )
        store = IncidentStore(Database(home / "incidents.db", SCHEMA))
        figures = IncidentFigures(self.registry)
        self.incidents = Incidents(store, source, ("alertname", "service"), run_events(runs), figures)
        reporter = Reporter(store, home / "reports", metrics, self.search, runs_of(runs), figures_of(library))
        tokens = Tokens(Database(home / "tokens.db", TOKEN_SCHEMA))
        tokens.seed(home / "tokens", time.time())
        access = Access(tokens, Audit(Database(home / "audit.db", AUDIT_SCHEMA)))
        routers = [incidents_router.router(self.incidents, reporter), runbook_router.router(self.engine)]
        self.app = build(access, routers, {}, dict, dict, self.registry)
        self.tokens = {p.name: p.read_text().strip() for p in (home / "tokens").iterdir()}
        self.client = TestClient(self.app)

    def search(self, query: str, start: float, end: float, limit: int) -> Sequence[LogLine]:
        assert start < end
        return [LogLine(start + 31, "error", "pay", f"no answer ({query})")][:limit]

    def call(self, role: str, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        answer = self.client.request(
            method, f"/api/opsctl/v1{path}", json=body, headers={"Authorization": f"Bearer {self.tokens[role]}"}
        )
        return (answer.status_code, answer.json() if "json" in answer.headers["content-type"] else answer.text)

    def good(self, role: str, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        status, found = self.call(role, method, path, body)
        assert status < 300, found
        return found

    def tick_until(self, holds: Callable[[], object], timeout: float = 15) -> None:
        end = time.monotonic() + timeout
        while not holds():
            assert time.monotonic() < end
            self.incidents.tick(time.time())
            time.sleep(0.1)


@pytest.fixture
def ops(tmp_path: Path, alerting: str, metrics: str) -> Iterator[Ops]:
    made = Ops(tmp_path, alerting, metrics)
    yield made
    made.engine.close()
    made.executor.shutdown()


def post(url: str, service: str, ended: bool = False) -> None:
    now = time.time()
    alert = {
        "labels": {"alertname": "Down", "service": service, "severity": "critical"},
        "annotations": {"summary": f"{service} 不通", "runbook": "mend"},
        "startsAt": iso(now - 5),
        "endsAt": iso(now - 0.01 if ended else now + 60),
    }
    requests.post(f"{url}/api/v2/alerts", json=[alert], timeout=5).raise_for_status()


def test_from_alert_to_report(ops: Ops, alerting: str, tmp_path: Path) -> None:
    post(alerting, "pay")
    ops.tick_until(lambda: ops.good("viewer", "GET", "/incidents?state=open"))
    found = ops.good("viewer", "GET", "/incidents?state=open")[0]
    assert (found["key"], found["title"], found["severity"]) == (
        {"alertname": "Down", "service": "pay"},
        "pay 不通",
        "critical",
    )
    number = found["id"]
    assert b'opsctl_incidents_open{severity="critical"} 1.0' in generate_latest(ops.registry)

    assert ops.call("viewer", "POST", f"/incidents/{number}/ack", {})[0] == 403
    ops.good("operator", "POST", f"/incidents/{number}/ack", {"comment": "在看"})
    ops.good("operator", "POST", f"/incidents/{number}/notes", {"text": "打电话给银行"})
    assert ops.call("operator", "POST", f"/incidents/{number}/notes", {"text": " "})[0] == 400
    ops.tick_until(lambda: ops.good("viewer", "GET", f"/incidents/{number}")["acked_at"])

    fingerprint = ops.good("viewer", "GET", f"/incidents/{number}")["members"][0]["fingerprint"]
    run = ops.good("operator", "POST", "/runbook/runs", {"runbook": "mend", "fingerprint": fingerprint})["id"]
    path = f"/runbook/runs/{run}"
    ops.tick_until(lambda: ops.good("viewer", "GET", path)["status"] == "awaiting_approval")
    wanted = {"hash": ops.good("viewer", "GET", path)["plan_hash"]}
    assert ops.call("operator", "POST", f"{path}/approve", wanted)[0] == 403
    ops.good("approver", "POST", f"{path}/approve", wanted)
    ops.tick_until(lambda: ops.good("viewer", "GET", path)["status"] == "done")
    post(alerting, "pay", ended=True)
    ops.tick_until(lambda: ops.good("viewer", "GET", f"/incidents/{number}")["state"] == "closed")

    whole = ops.good("viewer", "GET", f"/incidents/{number}")
    kinds = [m["kind"] for m in whole["timeline"]]
    assert kinds[:1] + kinds[-2:] == ["fired", "resolved", "closed"]
    assert {"acknowledged", "note", "runbook"} <= set(kinds)
    assert "local-approver 批准了计划" in " ".join(m["text"] for m in whole["timeline"])
    paths = ops.good("operator", "POST", f"/incidents/{number}/report")
    page, text = Path(paths["html"]).read_text(), Path(paths["markdown"]).read_text()
    assert "<polyline" in page
    assert "缺少" not in text, text
    for part in ("时间 / Time", "no answer", "local-approver", "打电话给银行", "在看"):
        assert part in page, part
        assert part in text, part
    assert "<svg" in ops.good("viewer", "GET", f"/incidents/{number}/report?format=html")
    week = ops.good("viewer", "GET", "/incidents/stats?weeks=2")["weeks"][-1]
    assert (week["opened"], week["closed"], week["acknowledged"]) == (1, 1, 1)
    assert ops.call("operator", "POST", f"/incidents/{number}/ack", {})[0] == 409
    assert ops.call("viewer", "GET", "/incidents/999")[0] == 404


def test_when_alerting_does_not_answer_nothing_is_closed(tmp_path: Path, metrics: str) -> None:
    (tmp_path / "am.yml").write_text(AM)
    command = ("alertmanager", f"--config.file={tmp_path}/am.yml", f"--storage.path={tmp_path}/data")
    with process(*command) as (running, url):
        ops = Ops(tmp_path, url, metrics)
        post(url, "gone")
        ops.tick_until(lambda: ops.incidents.store.list("open"))
        running.kill()
        running.wait()
        for _ in range(3):
            with pytest.raises(Unreachable):
                ops.incidents.tick(time.time() + 100)
    assert len(ops.incidents.store.list("open")) == 1
    assert b"opsctl_incidents_poll_failures_total 3.0" in generate_latest(ops.registry)


def test_a_restart_of_ops_repeats_nothing(ops: Ops, alerting: str, metrics: str, tmp_path: Path) -> None:
    post(alerting, "again")
    ops.tick_until(lambda: [i for i in ops.incidents.store.list("open") if i.key["service"] == "again"])
    other = Ops(tmp_path, alerting, metrics)
    for _ in range(3):
        other.incidents.tick(time.time())
    found = [i for i in other.incidents.store.list("open") if i.key["service"] == "again"]
    assert len(found) == 1
    assert [m.kind for m in other.incidents.store.timeline(found[0].id)] == ["fired"]
    post(alerting, "again", ended=True)
