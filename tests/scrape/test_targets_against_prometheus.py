"""Jobs of many manners, run by Debian's Prometheus and by us: the same targets, health, requests and series."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.api.running import Server, opsctl, prometheus
from tests.servers import free_port, wait_for

PAGE = 'a{x="1"} 1\nb{job="own",le="5"} 2\nc 3\n'
JOBS = """
global: {{scrape_interval: 1s, scrape_timeout: 900ms}}
scrape_configs:
- {{job_name: plain, static_configs: [{{targets: ['{a}'], labels: {{v: 1.10, y: yes, n: ~, d: 2026-01-01, h: 0x1F, t: true}}}}]}}
- {{job_name: path, metrics_path: /deep/er, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: params, params: {{module: [one, two], b: ['x y&=']}}, static_configs: [{{targets: ['{a}']}}]}}
- job_name: probe
  metrics_path: /probe
  params: {{target: [first], module: [m]}}
  static_configs: [{{targets: ['http://somewhere/x', 'http://else/y']}}]
  relabel_configs:
  - {{source_labels: [__address__], target_label: __param_target}}
  - {{source_labels: [__param_target], target_label: instance}}
  - {{target_label: __address__, replacement: '{a}'}}
- {{job_name: honest, honor_labels: true, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: proud, static_configs: [{{targets: ['{a}'], labels: {{x: mine, exported_x: too}}}}]}}
- {{job_name: own, metrics_path: /labels, static_configs: [{{targets: ['{a}']}}]}}
- job_name: dropped
  static_configs: [{{targets: ['{a}', 'h:1'], labels: {{team: z}}}}]
  relabel_configs: [{{source_labels: [__address__], regex: 'h:.*', action: drop}}]
- job_name: renamed
  static_configs: [{{targets: ['{a}']}}]
  relabel_configs:
  - {{target_label: job, replacement: other}}
  - {{regex: inst.*, action: labeldrop}}
  - {{target_label: __metrics_path__, replacement: /moved}}
  - {{target_label: __tmp_x, replacement: gone}}
- job_name: hashed
  static_configs: [{{targets: ['{a}'], labels: {{Foo: BAR, __meta_team: q}}}}]
  relabel_configs:
  - {{source_labels: [__address__, job], action: hashmod, target_label: shard, modulus: 1}}
  - {{source_labels: [Foo], action: lowercase, target_label: low}}
  - {{regex: __meta_(.+), action: labelmap}}
  - {{source_labels: [__address__], regex: '(.*):(.*)', target_label: host, replacement: '$1-${{2}}x'}}
- job_name: metric
  static_configs: [{{targets: ['{a}']}}]
  metric_relabel_configs:
  - {{source_labels: [__name__], regex: a, action: drop}}
  - {{target_label: __hidden, replacement: kept}}
  - {{source_labels: [__name__], regex: '(b)', target_label: __name__, replacement: 'new_$1'}}
- {{job_name: nameless, static_configs: [{{targets: ['{a}']}}], metric_relabel_configs: [{{regex: __name__, action: labeldrop}}]}}
- {{job_name: nothing, static_configs: [{{targets: ['{a}']}}], metric_relabel_configs: [{{regex: none, action: labelkeep}}]}}
- {{job_name: gone, metrics_path: /status/404, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: broken, metrics_path: /status/500, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: busy, metrics_path: /status/503, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: empty, metrics_path: /status/204, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: moved, metrics_path: /redirect, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: stays, metrics_path: /redirect, follow_redirects: false, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: circle, metrics_path: /circle, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: refused, static_configs: [{{targets: ['127.0.0.1:{dead}']}}]}}
- {{job_name: slow, metrics_path: /slow, scrape_timeout: 300ms, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: drips, metrics_path: /drips, scrape_timeout: 300ms, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: cut, metrics_path: /cut, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: zipped, metrics_path: /gzip, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: notgzip, metrics_path: /notgzip, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: exact, body_size_limit: {size}B, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: roomy, body_size_limit: {more}B, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: limited, sample_limit: 2, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: enough, sample_limit: 3, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: labels, label_limit: 3, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: values, label_value_length_limit: 4, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: names, label_name_length_limit: 7, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: many, target_limit: 1, static_configs: [{{targets: ['{a}', '127.0.0.1:{dead}']}}]}}
- {{job_name: basic, basic_auth: {{username: u, password: 'p:w'}}, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: token, authorization: {{type: Token, credentials: abc}}, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: bearer, bearer_token: xyz, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: stamped, metrics_path: /stamped, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: unstamped, metrics_path: /stamped, honor_timestamps: false, static_configs: [{{targets: ['{a}']}}]}}
- {{job_name: same, static_configs: [{{targets: ['{a}', '{a}']}}, {{targets: ['{a}']}}]}}
- {{job_name: paced, static_configs: [{{targets: ['{a}'], labels: {{__scrape_interval__: 500ms, __scrape_timeout__: 200ms}}}}]}}
- {{job_name: badpace, static_configs: [{{targets: ['{a}'], labels: {{__scrape_interval__: 100ms}}}}]}}
- {{job_name: schemed, static_configs: [{{targets: ['{a}'], labels: {{__scheme__: http, __metrics_path__: /moved}}}}]}}
- {{job_name: noaddress, static_configs: [{{targets: ['{a}']}}], relabel_configs: [{{target_label: __address__, replacement: ''}}]}}
- {{job_name: files, file_sd_configs: [{{files: ['t/*.json', 't/*.yml'], refresh_interval: 1s}}]}}
- {{job_name: lists, http_sd_configs: [{{url: 'http://{a}/sd', refresh_interval: 1s}}]}}
- {{job_name: none}}
"""


@dataclass
class Site:
    """A site with every kind of page; remembers the headers of each request by who asks."""

    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    listed: Any = None
    address: str = ""

    def __post_init__(self) -> None:
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                who = "ours" if "opsctl" in self.headers["User-Agent"] else "theirs"
                site.headers[f"{who} {self.path} {self.headers.get('Authorization', '')}"] = dict(self.headers)
                site.answer(self, path)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, to: BaseHTTPRequestHandler, path: str) -> None:
        text, status, more = PAGE, 200, {"Content-Type": "text/plain"}
        if path.startswith("/status/"):
            status = int(path.rpartition("/")[2])
        elif path in ("/redirect", "/circle"):
            status, more["Location"] = 302, "/metrics" if path == "/redirect" else "/circle"
        elif path == "/slow":
            time.sleep(0.6)
        elif path == "/labels":
            text = 'd{job="j",instance="i"} 1\ne{exported_job="e",job="j"} 2\n'
        elif path == "/stamped":
            text = f"f 1 {int(time.time() * 1000) - 5000}\ng 2\nh 3 {int(time.time() * 1000) + 3_600_000}\n"
        elif path == "/sd":
            text, more["Content-Type"] = json.dumps(self.listed), "application/json; charset=utf-8"
        body = text.encode()
        if path == "/gzip":
            body, more["Content-Encoding"] = gzip.compress(body), "gzip"
        elif path == "/notgzip":
            more["Content-Encoding"] = "gzip"
        to.send_response(status)
        for name, value in {**more, "Content-Length": str(len(body) + (path in ("/cut", "/drips")))}.items():
            to.send_header(name, value)
        to.end_headers()
        try:
            to.wfile.write(body if status != 204 else b"")
            to.wfile.flush()
            time.sleep(0.6 if path == "/drips" else 0)
        except OSError:
            pass
        to.close_connection = path in ("/cut", "/drips")

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Pair:
    ours: Server
    theirs: Server
    site: Site
    folder: Path

    def both(self, path: str, **params: Any) -> tuple[Any, Any]:
        return self.ours.data(path, **params), self.theirs.data(path, **params)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder, site = tmp_path_factory.mktemp("targets"), Site()
    site.listed = [{"targets": [site.address], "labels": {"from": "list"}}]
    (folder / "t").mkdir()
    (folder / "t" / "a.json").write_text(f'[{{"targets": ["{site.address}"], "labels": {{"from": "json"}}}}]')
    (folder / "t" / "b.yml").write_text(f"- targets: ['{site.address}']\n  labels: {{from: 1.10, on: yes, no: ~}}\n")
    config = folder / "prometheus.yml"
    size = len(PAGE.encode())
    config.write_text(JOBS.format(a=site.address, dead=free_port(), size=size, more=size + 1))
    with opsctl(folder / "ours", config) as ours, prometheus(folder / "theirs", config) as theirs:
        for server in (ours, theirs):
            wait_for(lambda on=server: (on.value("min(count_over_time(up[20s]))") or 0) >= 3, 30, "scrapes")  # type: ignore[misc]
            wait_for(lambda on=server: on.value('up{job="lists"}') == 1, 30, "the list")  # type: ignore[misc]
        yield Pair(ours, theirs, site, folder)
    site.close()


def settled(check: Callable[[], Any]) -> None:
    """Runs a check until it holds: what a busy machine did not answer in time is made good by the next scrape."""
    end = time.monotonic() + 15
    while True:
        try:
            check()
        except AssertionError:
            if time.monotonic() > end:
                raise
            time.sleep(0.3)
        else:
            return


def by_job(targets: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for target in sorted(targets, key=lambda one: (one["scrapePool"], str(sorted(one["discoveredLabels"].items())))):
        found.setdefault(target["scrapePool"], []).append(target)
    return found


def test_targets_are_the_same(pair: Pair) -> None:
    settled(lambda: _targets_are_the_same(pair))


def _targets_are_the_same(pair: Pair) -> None:
    ours, theirs = pair.both("targets")
    for key in (
        "discoveredLabels", "labels", "scrapePool", "scrapeUrl", "health", "scrapeInterval", "scrapeTimeout",
    ):  # fmt: skip
        for (job, mine), (other, found) in zip(
            by_job(ours["activeTargets"]).items(), by_job(theirs["activeTargets"]).items(), strict=True
        ):
            assert job == other
            if job in ("probe", "renamed") and key == "discoveredLabels":
                continue  # Prometheus 2 shows them as relabelling left them
            assert [one[key] for one in mine] == [one[key] for one in found], (job, key)
    dropped = [[{k: d[k] for k in ("discoveredLabels",)} for d in side["droppedTargets"]] for side in (ours, theirs)]
    assert dropped[0] == dropped[1]


def test_failures_are_told_in_the_same_words(pair: Pair) -> None:
    settled(lambda: _failures_are_told_in_the_same_words(pair))


def _failures_are_told_in_the_same_words(pair: Pair) -> None:
    ours, theirs = (by_job(side["activeTargets"]) for side in pair.both("targets"))
    different = {
        job: (mine["lastError"], found["lastError"])
        for job in ours
        for mine, found in zip(ours[job], theirs[job], strict=True)
        if mine["lastError"] != found["lastError"]
    }
    assert different == {}


def test_the_same_is_left_of_every_job(pair: Pair) -> None:
    settled(lambda: _the_same_is_left_of_every_job(pair))


def _the_same_is_left_of_every_job(pair: Pair) -> None:
    different = {}
    for job in by_job(pair.ours.data("targets")["activeTargets"]):
        query = (
            f'{{job="{"other" if job == "renamed" else job}",__name__!~"scrape_duration_seconds|scrape_series_added"}}'
        )
        sides = [
            {str(sorted(one["metric"].items())): one["value"][1] for one in side["result"]}
            for side in pair.both("query", query=query)
        ]
        if sides[0] != sides[1]:
            different[job] = sorted(set(sides[0].items()) ^ set(sides[1].items()))
    assert different == {}


_TIMEOUT = "X-Prometheus-Scrape-Timeout-Seconds"


def test_requests_say_the_same(pair: Pair) -> None:
    asked = {
        side: {key.partition(" ")[2] for key in pair.site.headers if key.startswith(side)}
        for side in ("ours", "theirs")
    }
    assert asked["ours"] == asked["theirs"]
    for key in asked["ours"] - {"/sd "}:
        mine, found = (pair.site.headers[f"{side} {key}"] for side in ("ours", "theirs"))
        shared = key == "/metrics "  # several jobs, each with a time of its own
        for name in ("Accept-Encoding", "Authorization", "Host", *(() if shared else (_TIMEOUT,))):
            assert mine.get(name) == found.get(name), (key, name)
        assert mine["User-Agent"].startswith("Prometheus/")
