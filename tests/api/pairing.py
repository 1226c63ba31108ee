"""Our server and Debian's Prometheus side by side, on the same targets and rules."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.api.running import Server, Target, opsctl, prometheus
from tests.servers import wait_for

PAGE = """# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{code="200",path="/a"} 10
requests_total{code="500",path="/a"} 2
# HELP temperature How warm.
# TYPE temperature gauge
temperature 21.5
tiny 1e-9
huge 1e22
nothing NaN
endless +Inf
# TYPE took_seconds histogram
took_seconds_bucket{le="0.1"} 3
took_seconds_bucket{le="+Inf"} 5
took_seconds_sum 1.25
took_seconds_count 5
"""
CONFIG = """
global: {{scrape_interval: 500ms, evaluation_interval: 500ms, external_labels: {{site: here}}}}
rule_files: [rules.yml]
scrape_configs:
  - job_name: one
    static_configs: [{{targets: ['{address}'], labels: {{team: x}}}}]
  - job_name: dead
    static_configs: [{{targets: ['127.0.0.1:1']}}]
  - job_name: cut
    static_configs: [{{targets: ['{address}', 'dropped:1']}}]
    relabel_configs: [{{source_labels: [__address__], regex: 'dropped.*', action: drop}}]
    metric_relabel_configs: [{{source_labels: [__name__], regex: 'temp.*', action: keep}}]
"""
RULES = """
groups:
  - name: g
    rules:
      - {record: 'job:temperature:max', expr: 'max(temperature)by(job)', labels: {kind: recorded}}
      - alert: Dead
        expr: up == 0
        labels: {severity: critical}
        annotations: {summary: '{{ $labels.job }} is {{ $value }}'}
      - alert: Slow
        expr: temperature > 20
        for: 1h
  - name: e
    limit: 1
    rules:
      - {record: both, expr: requests_total}
      - {alert: Both, expr: requests_total}
"""


@dataclass
class Pair:
    ours: Server
    theirs: Server

    def both(self, path: str, **params: Any) -> tuple[Any, Any]:
        ours, theirs = self.ours.get(path, **params), self.theirs.get(path, **params)
        assert ours.status_code == theirs.status_code, (ours.text, theirs.text)
        assert ours.headers["Content-Type"] == theirs.headers["Content-Type"]
        return ours.json(), theirs.json()

    def ask(self, method: str, path: str, **more: Any) -> tuple[requests.Response, requests.Response]:
        """One request to each; nothing is followed, nothing packed unless `headers` say so."""
        headers = {"Accept-Encoding": "identity", **more.pop("headers", {})}
        ours, theirs = (
            requests.request(method, server.url + path, headers=headers, timeout=20, allow_redirects=False, **more)
            for server in (self.ours, self.theirs)
        )
        return ours, theirs

    def same(self, method: str, path: str, **more: Any) -> None:
        """Asserts the same status, headers that matter, and body but for the order of lists."""
        ours, theirs = self.ask(method, path, **more)
        assert ours.status_code == theirs.status_code, (path, more, ours.text, theirs.text)
        for name in ("Content-Type", "Content-Encoding", "Allow", "X-Content-Type-Options"):
            assert ours.headers.get(name) == theirs.headers.get(name), (path, more, name)
        assert unordered(ours.text) == unordered(of_today(theirs.text)), (path, more)


def of_today(text: str) -> str:
    """2.42's sentences as Prometheus 3 says them."""
    for empty in ("no expression found in input", "unexpected end of input"):
        text = re.sub(rf"\b1:1: parse error: {empty}", f"unknown position: parse error: {empty}", text)
    return text.replace(": Invalid time value", ": invalid time value")


def unordered(text: str) -> Any:
    """A JSON body with its lists sorted and without what differs from run to run; other text as it is."""
    try:
        return _sorted(json.loads(text))
    except ValueError:
        return text


_CHANGING = ("lastScrape", "lastScrapeDuration", "evaluationTime", "lastEvaluation", "activeAt", "lastError")


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(each) for key, each in value.items() if key not in _CHANGING}
    return sorted((_sorted(each) for each in value), key=str) if isinstance(value, list) else value


@contextmanager
def side_by_side(folder: Path) -> Iterator[Pair]:
    """Both, with samples of a few scrapes and the alerts firing."""
    target = Target()
    target.text = PAGE
    config = folder / "prometheus.yml"
    config.write_text(CONFIG.format(address=target.address))
    (folder / "rules.yml").write_text(RULES)
    with opsctl(folder / "ours", config) as ours, prometheus(folder / "theirs", config) as theirs:
        for server in (ours, theirs):
            wait_for(lambda s=server: (s.value("count_over_time(temperature{job='one'}[1m])") or 0) > 4, 20, "samples")  # type: ignore[misc]
            wait_for(lambda s=server: s.value("ALERTS{alertname='Dead'}") == 1, 20, "alert")  # type: ignore[misc]
        yield Pair(ours, theirs)
    target.close()
