"""From a sample to the Alertmanager: fired, resolved, over restarts, past a receiver that is down."""

from __future__ import annotations

import platform
import re
import signal
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.api.running import Server, Target, opsctl
from tests.servers import wait_for

CONFIG = """
global: {{scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms, external_labels: {{site: here}}}}
rule_files: ['*.rules.yml']
alerting:
  alert_relabel_configs: [{{regex: secret, action: labeldrop}}]
  alertmanagers: [{{static_configs: [{{targets: ['{receiver}']}}], path_prefix: /am}}]
scrape_configs:
  - job_name: one
    static_configs: [{{targets: ['{target}']}}]
"""
RULES = """
groups:
  - name: g
    rules:
      - {record: 'heat:double', expr: heat * 2}
      - alert: Hot
        expr: heat:double > 20
        labels: {severity: critical, secret: x}
        annotations: {summary: 'heat is {{ $value }} on {{ $externalLabels.site }}'}
      - alert: HotLong
        expr: heat > 10
        for: 3s
"""


@pytest.fixture
def sides() -> Iterator[tuple[Target, Target]]:
    target, receiver = Target(), Target()
    target.text = "heat 1\n"
    yield target, receiver
    target.close()
    receiver.close()


def write(folder: Path, target: Target, receiver: Target) -> Path:
    path = folder / "prometheus.yml"
    path.write_text(CONFIG.format(target=target.address, receiver=receiver.address))
    (folder / "a.rules.yml").write_text(RULES)
    return path


def named(receiver: Target, name: str) -> list[dict[str, Any]]:
    return [p for p in receiver.posts if p["labels"]["alertname"] == name]


def ends(post: dict[str, Any]) -> float:
    """How many seconds after its start the alert ends."""
    return (datetime.fromisoformat(post["endsAt"]) - datetime.fromisoformat(post["startsAt"])).total_seconds()


def test_an_alert_fires_and_resolves(tmp_path: Path, sides: tuple[Target, Target]) -> None:
    target, receiver = sides
    with opsctl(tmp_path / "data", write(tmp_path, *sides)) as server:
        wait_for(lambda: server.value("heat:double") == 2, 10, "the recorded series")
        target.text = "heat 15\n"
        wait_for(lambda: bool(named(receiver, "Hot")), 5, "the alert")
        fired = named(receiver, "Hot")[0]
        assert fired["labels"] == {
            "alertname": "Hot", "instance": target.address, "job": "one", "severity": "critical", "site": "here",
        }  # fmt: skip
        assert fired["annotations"] == {"summary": "heat is 30 on here"}
        assert 200 < ends(fired) < 245
        assert fired["generatorURL"].startswith(
            f"{server.url.replace('127.0.0.1', platform.node())}/graph?g0.expr=heat"
        )
        assert {a["labels"]["alertname"]: a["state"] for a in server.data("alerts")["alerts"]} == {
            "Hot": "firing", "HotLong": "pending",
        }  # fmt: skip
        assert server.value('ALERTS{alertname="Hot",alertstate="firing"}') == 1
        wait_for(lambda: bool(named(receiver, "HotLong")), 8, "the patient alert")
        target.text = "heat 2\n"
        wait_for(lambda: len(named(receiver, "Hot")) == 2, 5, "the end")
        assert ends(named(receiver, "Hot")[1]) < 20
        wait_for(lambda: server.value("ALERTS") is None, 5, "staleness of ALERTS")
        text = server.get("/metrics").text
    assert f'prometheus_notifications_sent_total{{alertmanager="http://{receiver.address}/am/api/v2/alerts"}}' in text
    assert len(named(receiver, "Hot")) == 2


def test_kill_9_while_firing_keeps_the_alert_and_sends_its_end(tmp_path: Path, sides: tuple[Target, Target]) -> None:
    target, receiver = sides
    config = write(tmp_path, *sides)
    target.text = "heat 15\n"
    with opsctl(tmp_path / "data", config) as server:
        wait_for(lambda: bool(named(receiver, "HotLong")), 12, "the alert")
        wait_for(lambda: _bytes(tmp_path / "data/alerts.json").count(b'"firing"') == 2, 5, "the journal")
        started = named(receiver, "HotLong")[0]["startsAt"]
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(5)
    count = len(named(receiver, "HotLong"))
    with opsctl(tmp_path / "data", config) as server:
        wait_for(lambda: len(server.data("alerts")["alerts"]) == 2, 10, "both alerts")
        assert {a["state"] for a in server.data("alerts")["alerts"]} == {"firing"}
        assert len(named(receiver, "HotLong")) == count
        target.text = "heat 2\n"
        wait_for(lambda: len(named(receiver, "HotLong")) == count + 1, 8, "the end")
    assert named(receiver, "HotLong")[-1]["startsAt"] == started
    assert ends(named(receiver, "HotLong")[-1]) < 60


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def test_waiting_goes_on_after_a_restart(tmp_path: Path, sides: tuple[Target, Target]) -> None:
    target, receiver = sides
    config = write(tmp_path, *sides)
    target.text = "heat 15\n"
    with opsctl(tmp_path / "data", config) as server:
        wait_for(lambda: server.value('ALERTS{alertname="HotLong",alertstate="pending"}') == 1, 10, "pending")
        wait_for(lambda: (server.value("count_over_time(heat:double[1m])") or 0) > 5, 10, "some waiting")
        first = next(a for a in server.data("alerts")["alerts"] if a["labels"]["alertname"] == "HotLong")["activeAt"]
    with opsctl(tmp_path / "data", config) as server:
        wait_for(lambda: len(server.data("alerts")["alerts"]) == 2, 10, "both alerts")
        again = next(a for a in server.data("alerts")["alerts"] if a["labels"]["alertname"] == "HotLong")["activeAt"]
        outage = (datetime.fromisoformat(again) - datetime.fromisoformat(first)).total_seconds()
        assert -1 < outage < 8  # ALERTS_FOR_STATE holds whole seconds
        assert receiver.posts


def _failures(server: Server) -> float:
    found = re.findall(r"^prometheus_notifications_errors_total\{.*\} (.+)$", server.get("/metrics").text, re.MULTILINE)
    return sum(map(float, found))


def test_a_receiver_that_is_down_gets_the_alert_later(tmp_path: Path, sides: tuple[Target, Target]) -> None:
    target, receiver = sides
    receiver.status = 503
    target.text = "heat 15\n"
    with opsctl(tmp_path / "data", write(tmp_path, *sides)) as server:
        wait_for(lambda: _failures(server) > 0, 10, "a failure")
        assert server.value("heat") == 15
        receiver.status = 200
        wait_for(lambda: bool(named(receiver, "Hot")), 6, "the alert")


def test_a_bad_rule_file_leaves_the_old_rules_in_force(tmp_path: Path, sides: tuple[Target, Target]) -> None:
    with opsctl(tmp_path / "data", write(tmp_path, *sides)) as server:
        wait_for(lambda: server.value("heat:double") == 2, 10, "the recorded series")
        (tmp_path / "b.rules.yml").write_text("groups:\n- name: x\n  rules:\n  - {record: a, expr: 'sum('}\n")
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "reload_successful 0.0" in server.get("/metrics").text, 5, "the refusal")
        assert "b.rules.yml:4" in server.log.read_text()
        assert [g["name"] for g in server.data("rules")["groups"]] == ["g"]
        (tmp_path / "b.rules.yml").write_text("groups:\n- name: x\n  rules:\n  - {record: a, expr: 'vector(1)'}\n")
        (tmp_path / "a.rules.yml").unlink()
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: server.value("a") == 1 and server.value("heat:double") is None, 5, "the new rules")
        assert server.get("/metrics").text.count("prometheus_rule_group_rules{") == 1
