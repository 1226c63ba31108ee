"""One contract, two homes: the metrics process over its own store, and over a real Prometheus."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from opsctl.core.errors import DocumentError
from opsctl.core.settings import load_settings
from opsctl.flows.engines import ENGINES
from tests.api.running import Server, Target, opsctl, prometheus
from tests.remote.support import RECEIVER, named, post
from tests.servers import wait_for

PAGE = 'temperature{room="北"} 21.5\ntemperature{room="south"} 30\nrequests_total 10\n'
RULES = """
groups:
  - name: g
    interval: 300ms
    rules:
      - {record: 'room:temperature:max', expr: max(temperature), labels: {kind: recorded}}
      - {record: 'room:temperature:double', expr: 'room:temperature:max * 2'}
      - alert: Hot
        expr: temperature > 25
        labels: {severity: critical}
        annotations: {summary: '{{ $labels.room }} {{ $value }} of {{ query "max(temperature)" | first | value }}'}
      - {alert: Wrong, expr: 'temperature + on() temperature'}
      - {alert: Slow, expr: temperature > 25, for: 1h}
"""
CONFIG = """
global: {{scrape_interval: 300ms, external_labels: {{site: here}}}}
rule_files: [rules.yml]
scrape_configs: [{{job_name: one, static_configs: [{{targets: ['{address}']}}]}}]
"""
FAR = "global: {scrape_interval: 1h}\nstorage: {tsdb: {out_of_order_time_window: 10m}}\n"


@dataclass
class Home:
    """A metrics process in one of its homes; `engine` is the process behind it, if any."""

    folder: Path
    config: Path
    flags: tuple[str, ...]
    target: Target
    engine: Server | None

    @contextmanager
    def run(self) -> Iterator[Server]:
        with opsctl(self.folder / "data", self.config, RECEIVER, *self.flags) as server:
            yield server


@pytest.fixture(params=[name for name, _ in ENGINES])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    target = Target()
    target.text = PAGE
    config, settings = tmp_path / "prometheus.yml", tmp_path / "opsctl.yml"
    config.write_text(CONFIG.format(address=target.address))
    (tmp_path / "rules.yml").write_text(RULES)
    with ExitStack() as stack:
        engine = None
        if request.param == "prometheus":
            (tmp_path / "far.yml").write_text(FAR)
            engine = stack.enter_context(prometheus(tmp_path / "far", tmp_path / "far.yml", RECEIVER))
        line = f"metrics: {{engine: prometheus, url: '{engine.url}'}}\n" if engine else "metrics: {engine: embedded}\n"
        settings.write_text(f"home: {tmp_path / 'var'}\n{line}")
        yield Home(tmp_path, config, (f"--config={settings}",), target, engine)
    target.close()


def _filled(server: Server) -> None:
    wait_for(lambda: (server.value("count_over_time(requests_total[5m])") or 0) >= 3, what="samples")


def test_queries_and_labels(home: Home) -> None:
    with home.run() as server:
        _filled(server)
        assert server.value("sum(temperature)") == 51.5
        assert server.data("query", query="1 + 1")["result"][1] == "2"
        rows = server.data("query", query="requests_total[5m]")["result"]
        assert [value for _, value in rows[0]["values"]][:3] == ["10", "10", "10"]
        now = time.time()
        matrix = server.data("query_range", query="temperature", start=now - 1, end=now, step="500ms")
        assert {row["metric"]["room"] for row in matrix["result"]} == {"北", "south"}
        series = server.data("series", **{"match[]": 'temperature{room!="south"}'})
        assert [(one["room"], one["job"]) for one in series] == [("北", "one")]
        assert "room" in server.data("labels", **{"match[]": "temperature"})
        assert server.data("label/room/values") == ["south", "北"]


def test_wrong_queries(home: Home) -> None:
    with home.run() as server:
        for query, status, kind in (("sum(", 400, "bad_data"), ("nothing(", 400, "bad_data")):
            answer = server.get("/api/v1/query", query=query)
            assert (answer.status_code, answer.json()["errorType"]) == (status, kind)
        _filled(server)
        answer = server.get("/api/v1/query", query="temperature + on() temperature")
        assert (answer.status_code, answer.json()["errorType"]) == (422, "execution")


def test_rules_and_alerts(home: Home) -> None:
    with home.run() as server:
        wait_for(lambda: server.value('ALERTS{alertname="Hot",alertstate="firing"}') == 1, what="the alert")
        (hot,) = [a for a in server.data("alerts")["alerts"] if a["labels"]["alertname"] == "Hot"]
        assert hot["annotations"] == {"summary": "south 30 of 30"}
        wait_for(lambda: server.value('room:temperature:max{kind="recorded"}') == 30, what="the recorded series")
        wait_for(lambda: server.value("room:temperature:double") == 60, what="what is made of it")
        rules = {rule["name"]: rule for rule in server.data("rules")["groups"][0]["rules"]}
        assert {name: rule["health"] for name, rule in rules.items()} == {
            "room:temperature:max": "ok", "room:temperature:double": "ok", "Hot": "ok", "Wrong": "err", "Slow": "ok",
        }  # fmt: skip
        home.target.text = 'temperature{room="south"} 20\n'
        wait_for(lambda: server.value('ALERTS{alertname="Hot"}') is None, what="the end of the alert")
        assert server.value('temperature{room="北"}') is None


def test_a_chained_rule_sees_the_same_evaluation(home: Home) -> None:
    """At every step the double is twice the maximum of that very step."""
    with home.run() as server:
        for value in (31, 37, 41):
            home.target.text = f'temperature{{room="south"}} {value}\n'
            wait_for(lambda value=value: server.value("room:temperature:double") == 2 * value, what="the double")
        single = server.data("query", query="room:temperature:max[5m]")["result"][0]["values"]
        double = server.data("query", query="room:temperature:double[5m]")["result"][0]["values"]
    known = dict(map(tuple, single))
    pairs = [(float(known[at]), float(value)) for at, value in double if at in known]
    assert len(pairs) >= 3
    assert all(value == 2 * one for one, value in pairs)


def test_waiting_alerts_and_samples_survive_kill(home: Home) -> None:
    with home.run() as server:
        wait_for(lambda: server.value('ALERTS{alertname="Slow",alertstate="pending"}') == 1, what="the pending alert")
        since = server.value('ALERTS_FOR_STATE{alertname="Slow"}')
        now = int(time.time() * 1000)
        for i in range(20):
            assert post(server.url, named("counted", (now + i, float(i)))).status_code == 204
        server.process.kill()
        server.process.wait()
    with home.run() as server:
        wait_for(lambda: server.value("count_over_time(counted[5m])") == 20, what="what was acknowledged")
        wait_for(lambda: bool(server.data("alerts")["alerts"]), what="the alerts")
        again = server.value('ALERTS_FOR_STATE{alertname="Slow"}')
    assert since is not None
    assert again is not None
    assert abs(again - since) < 15, "it goes on waiting where it was"


def test_the_engine_keeps_the_samples_and_we_only_a_buffer(home: Home) -> None:
    if home.engine is None:
        pytest.skip("of the outgrown home only")
    with home.run() as server:
        _filled(server)
        assert home.engine.value("sum(temperature)") == 51.5
        assert "site" not in home.engine.data("labels"), "external labels would change the answers"
    assert not (home.folder / "data" / "wal").exists()
    assert not (home.folder / "data" / "blocks").exists()


def test_an_engine_that_is_away_is_told_and_nothing_is_lost(home: Home) -> None:
    if home.engine is None:
        pytest.skip("of the outgrown home only")
    home.engine.process.terminate()
    home.engine.process.wait()
    port = int(home.engine.url.rpartition(":")[2])
    with home.run() as server:
        answer = server.get("/api/v1/query", query="up")
        assert (answer.status_code, answer.json()["errorType"]) == (503, "unavailable")
        assert "metrics.url" in answer.json()["error"]
        assert server.get("/api/v1/labels").status_code == 503
        wait_for(lambda: "opsctl_metrics_engine_up 0.0" in server.get("/metrics").text, what="the gauge")
        wait_for(lambda: server.data("rules")["groups"][0]["rules"][0]["health"] == "err", what="the rule's error")
        now = int(time.time() * 1000)
        assert post(server.url, named("counted", (now, 7.0))).status_code == 204
        with _again(home, port):
            wait_for(lambda: server.get("/api/v1/query", query="counted").status_code == 200, what="the engine")
            wait_for(lambda: server.value("counted") == 7.0, what="what was taken meanwhile")
            wait_for(lambda: server.data("rules")["groups"][0]["rules"][0]["health"] == "ok", what="the rule again")


@contextmanager
def _again(home: Home, port: int) -> Iterator[None]:
    command = [
        "prometheus", f"--config.file={home.folder / 'far.yml'}", f"--storage.tsdb.path={home.folder / 'far'}",
        f"--web.listen-address=127.0.0.1:{port}", RECEIVER,
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


def _opsctl(*args: str, config: Path) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "opsctl", *args, "--config", str(config)], capture_output=True, text=True, timeout=60,
        env={k: v for k, v in os.environ.items() if not k.startswith("OPSCTL_")},
    )  # fmt: skip
    return done


def test_one_line_chooses_the_engine_and_a_bad_one_is_named(tmp_path: Path) -> None:
    file = tmp_path / "opsctl.yml"
    file.write_text("metrics: {engine: prometheus, url: 'http://127.0.0.1:9'}\n")
    assert load_settings(str(file)).metrics.engine == "prometheus"
    shown = _opsctl("config", "show", "--json", config=file)
    assert json.loads(shown.stdout)["metrics"]["url"] == "http://127.0.0.1:9"
    for text in ("metrics: {engine: prometheus}\n", "metrics:\n  engine: promtheus\n"):
        file.write_text(text)
        with pytest.raises(DocumentError) as error:
            load_settings(str(file))
        assert error.value.problems[0].line in (1, 2)
