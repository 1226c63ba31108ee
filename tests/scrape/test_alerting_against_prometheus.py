"""Alerts on their way out of Debian's Prometheus and of us: the same receivers, labels, times and figures."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.api.running import Server, Target, opsctl, prometheus
from tests.servers import free_port, http_ok, need, started, wait_for

CONFIG = """
global: {{scrape_interval: 500ms, evaluation_interval: 500ms, external_labels: {{site: here, version: 1.10, empty: ''}}}}
rule_files: [rules.yml]
scrape_configs: [{{job_name: one, static_configs: [{{targets: ['{target}']}}]}}]
alerting:
  alert_relabel_configs:
  - {{regex: secret, action: labeldrop}}
  - {{source_labels: [alertname], regex: Quiet, action: drop}}
  - {{source_labels: [severity], target_label: level, replacement: 'is-$1'}}
  alertmanagers:
  - {{static_configs: [{{targets: ['{sink}']}}], path_prefix: /{side}/static/, timeout: 2s}}
  - path_prefix: {side}
    file_sd_configs: [{{files: [managers.yml]}}]
    relabel_configs:
    - {{source_labels: [__meta_filepath], regex: '.*/(.+)[.]yml', target_label: __alerts_path__, replacement: '/{side}/$1'}}
    - {{source_labels: [__address__], regex: 'drop.*', action: drop}}
  - {{static_configs: [{{targets: ['{sink}']}}], path_prefix: /{side}/auth, basic_auth: {{username: u, password: p}}}}
  - {{static_configs: [{{targets: ['{manager}']}}], scheme: http}}
"""
RULES = """
groups:
- name: g
  rules:
  - alert: Hot
    expr: heat > 10
    labels: {severity: high, secret: x, site: there, from: 1.10, truth: true}
    annotations: {summary: 'heat {{ $value }} on {{ $externalLabels.site }}', number: 0x1F}
  - {alert: Quiet, expr: heat > 10}
  - {alert: 'Long "name"', expr: 'sum by (job) (heat) > 10 and on () vector(1)', for: 1s}
"""


class Sink:
    """Takes alerts at any path; `posts` by the path."""

    def __init__(self) -> None:
        self.posts: dict[str, list[dict[str, Any]]] = {}
        self.headers: dict[str, dict[str, str]] = {}
        self.status = 200
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if sink.status == 200:
                    sink.posts.setdefault(self.path, []).extend(body)
                    sink.headers[self.path] = dict(self.headers)
                self.send_response(sink.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Stage:
    def __init__(self, ours: Server, theirs: Server, target: Target, sink: Sink, managers: dict[str, str]) -> None:
        self.sides = {"ours": ours, "theirs": theirs}
        self.target, self.sink, self.managers = target, sink, managers

    def posted(self, side: str, where: str, name: str) -> list[dict[str, Any]]:
        posts = self.sink.posts.get(f"/{side}/{where}", [])
        return [one for one in posts if one["labels"]["alertname"] == name]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    target, sink, managers = Target(), Sink(), {}
    target.text = "heat 5\n"
    with ExitStack() as stack:
        servers = {}
        for side, run in (("ours", opsctl), ("theirs", prometheus)):
            folder = tmp_path_factory.mktemp(side)
            managers[side] = _alertmanager(stack, folder)
            (folder / "managers.yml").write_text(f"- targets: ['{sink.address}', 'drop:1']\n")
            (folder / "rules.yml").write_text(RULES)
            config = folder / "prometheus.yml"
            config.write_text(
                CONFIG.format(target=target.address, sink=sink.address, side=side, manager=managers[side])
            )
            flag = "--rules.alert.resend-delay=2s"
            servers[side] = stack.enter_context(run(folder / "data", config, flag))
            wait_for(lambda on=servers[side]: on.value("heat") == 5, 15, "a scrape")  # type: ignore[misc]
            wait_for(lambda on=servers[side]: len(on.data("alertmanagers")["activeAlertmanagers"]) == 4, 15, "all four")  # type: ignore[misc]
        target.text = "heat 15\n"
        yield Stage(servers["ours"], servers["theirs"], target, sink, managers)
    target.close()
    sink.close()


def _alertmanager(stack: ExitStack, folder: Path) -> str:
    """A real one; its address."""
    port = free_port()
    (folder / "am.yml").write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
    command = [
        need("prometheus-alertmanager"), f"--config.file={folder / 'am.yml'}", f"--storage.path={folder / 'am'}",
        f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=",
    ]  # fmt: skip
    stack.enter_context(started(command, lambda: http_ok(f"http://127.0.0.1:{port}/-/ready"), folder / "am.log"))
    return f"127.0.0.1:{port}"


def seconds(post: dict[str, Any]) -> float:
    return (datetime.fromisoformat(post["endsAt"]) - datetime.fromisoformat(post["startsAt"])).total_seconds()


def test_alertmanagers_are_the_same(stage: Stage) -> None:
    def seen(side: str) -> Any:
        def plain(url: str) -> str:
            return url.replace(stage.managers[side], "MANAGER").replace(f"/{side}", "/side")

        found = stage.sides[side].data("alertmanagers")
        return {key: sorted(plain(one["url"]) for one in urls) for key, urls in found.items()}

    assert seen("ours") == seen("theirs")


@pytest.mark.parametrize("where", ["static/api/v2/alerts", "managers", "auth/api/v2/alerts"])
def test_each_receiver_gets_the_same(stage: Stage, where: str) -> None:
    for name in ("Hot", 'Long "name"'):
        for side in stage.sides:
            wait_for(lambda at=side, of=name: bool(stage.posted(at, where, of)), 15, f"{name} from {side}")  # type: ignore[misc]
        mine, found = (stage.posted(side, where, name)[0] for side in ("ours", "theirs"))
        assert mine["labels"] == found["labels"]
        assert mine.get("annotations") == found.get("annotations")
        assert mine.keys() == found.keys()
        links = [one["generatorURL"].partition("/graph")[2] for one in (mine, found)]
        assert links[0] == links[1]
        assert abs(seconds(mine) - seconds(found)) < 2.5
        assert not stage.posted("ours", where, "Quiet")
    headers = [stage.sink.headers[f"/{side}/{where}"] for side in ("ours", "theirs")]
    for key in ("Content-Type", "Authorization"):
        assert headers[0].get(key) == headers[1].get(key)


def test_a_firing_alert_is_sent_again_and_its_end_too(stage: Stage) -> None:
    where = "static/api/v2/alerts"
    for side in stage.sides:
        wait_for(lambda at=side: len(stage.posted(at, where, "Hot")) >= 3, 15, "resending")  # type: ignore[misc]
        starts = {one["startsAt"] for one in stage.posted(side, where, "Hot")}
        assert len(starts) == 1, side


def test_a_real_alertmanager_has_the_same_alerts(stage: Stage) -> None:
    def held(side: str) -> list[Any]:
        found = requests.get(f"http://{stage.managers[side]}/api/v2/alerts", timeout=10).json()
        return sorted(((one["labels"], one["annotations"], one["status"]["state"]) for one in found), key=str)

    for side in stage.sides:
        wait_for(lambda at=side: len(held(at)) == 2, 15, f"alerts of {side}")  # type: ignore[misc]
    assert held("ours") == held("theirs")


def test_figures_have_the_same_names(stage: Stage) -> None:
    pages = {side: server.get("/metrics").text for side, server in stage.sides.items()}
    names = {side: set(re.findall(r"^(prometheus_notifications_\w+)[{ ]", page, re.M)) for side, page in pages.items()}
    assert names["theirs"] - names["ours"] <= {"prometheus_notifications_latency_seconds"}, "its quantiles"
    url = f"http://{stage.sink.address}/ours/static/api/v2/alerts"
    assert f'prometheus_notifications_errors_total{{alertmanager="{url}"}} 0.0' in pages["ours"]


def test_the_end_is_told_after_an_outage_of_the_receiver(stage: Stage) -> None:
    """The last: it ends the alerts."""
    stage.sink.status = 503
    errors = 'sum(prometheus_notifications_errors_total{alertmanager=~".*/ours/.*"})'
    page = stage.sides["ours"].get
    wait_for(
        lambda: bool(re.search(r"notifications_errors_total\{.*static.*\} [1-9]", page("/metrics").text)), 15, errors
    )
    stage.target.text = "heat 5\n"
    wait_for(lambda: stage.sides["ours"].value("ALERTS") is None, 15, "the end")
    stage.sink.status = 200
    for side in stage.sides:
        wait_for(
            lambda at=side: seconds(stage.posted(at, "static/api/v2/alerts", "Hot")[-1]) < 30
            and datetime.fromisoformat(stage.posted(at, "static/api/v2/alerts", "Hot")[-1]["endsAt"]).timestamp() > 0,
            20, f"the end from {side}",
        )  # fmt: skip  # type: ignore[misc]
