"""A real Prometheus scrapes our host collector and evaluates a public node_exporter rule file, unchanged."""

from __future__ import annotations

import http.server
import json
import shutil
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collectors.families import exposition
from collectors.host import HostCollector
from tests.servers import free_port, http_ok, need, started, wait_for

RULES = Path(__file__).resolve().parents[1] / "data" / "rules" / "node-exporter.yml"


class _Exposition(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = exposition(HostCollector())
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program, folder, port = need("prometheus"), tmp_path_factory.mktemp("prometheus"), free_port()
    ours = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Exposition)
    threading.Thread(target=ours.serve_forever, daemon=True).start()
    shutil.copy(RULES, folder / "rules.yml")
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}\n"
        "rule_files: [rules.yml]\nscrape_configs:\n  - job_name: node\n    static_configs:\n"
        f"      - targets: ['127.0.0.1:{ours.server_port}']\n"
    )
    url = f"http://127.0.0.1:{port}"
    command: list[str | Path] = [program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
               f"--web.listen-address=127.0.0.1:{port}"]  # fmt: skip
    with started(command, lambda: http_ok(f"{url}/-/ready"), folder / "log"):
        yield url
    ours.shutdown()


def _get(url: str, path: str, **parameters: str) -> Any:
    with urllib.request.urlopen(f"{url}{path}?{urllib.parse.urlencode(parameters)}", timeout=5) as answer:
        return json.load(answer)["data"]


def _rules(url: str) -> list[dict[str, Any]]:
    return [rule for group in _get(url, "/api/v1/rules")["groups"] for rule in group["rules"]]


def test_every_public_rule_evaluates(prometheus: str) -> None:
    wait_for(lambda: all(rule["health"] != "unknown" for rule in _rules(prometheus)), 20, "an evaluation")
    rules = _rules(prometheus)
    assert len(rules) > 30
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}


@pytest.mark.parametrize(
    "query",
    [
        "node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes",
        'node_filesystem_avail_bytes{mountpoint="/"} / node_filesystem_size_bytes',
        'avg without (cpu) (rate(node_cpu_seconds_total{mode="idle"}[5s]))',
        "rate(node_context_switches_total[5s])",
        "rate(node_disk_io_time_seconds_total[5s])",
        "rate(node_network_receive_bytes_total[5s])",
        "delta(node_vmstat_oom_kill[5s])",
        "node_timex_maxerror_seconds",
        "changes(node_uname_info[5s])",
    ],
)
def test_their_left_sides_find_series(prometheus: str, query: str) -> None:
    """A rule that never fires because its metric is missing would look just as healthy."""
    end = time.monotonic() + 10
    while not (found := _get(prometheus, "/api/v1/query", query=query)["result"]):
        assert time.monotonic() < end, query
        time.sleep(0.2)
    assert all(float(series["value"][1]) >= 0 for series in found)
