"""Who speaks to Prometheus speaks to us: promtool, prometheus-api-client, Grafana's requests, a federating Prometheus."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_api_client import MetricRangeDataFrame, PrometheusConnect

from tests.api.pairing import Pair
from tests.api.running import prometheus
from tests.servers import need, wait_for


def promtool(*words: str) -> tuple[int, list[str]]:
    done = subprocess.run([need("promtool"), *words], capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, sorted((done.stdout + done.stderr).splitlines())


@pytest.mark.parametrize(
    "words",
    [
        ("query", "instant", "--time=1", "{url}", "vector(1)"), ("query", "instant", "--time=1", "{url}", "1 +"),
        ("query", "instant", "--time=1", "-o", "json", "{url}", "time()"), ("query", "instant", "{url}", "temperature @ 1"),
        ("query", "range", "--start=1", "--end=3", "--step=1s", "{url}", "vector(2)"),
        ("query", "range", "--start=1", "--end=30000", "--step=1s", "{url}", "vector(2)"),
        ("query", "series", "--match=requests_total", "{url}"), ("query", "series", "--match=up", "--match=temperature", "{url}"),
        ("query", "series", "--match={a=''}", "{url}"), ("query", "labels", "{url}", "job"), ("query", "labels", "{url}", "nope"),
        ("query", "labels", "--match=requests_total", "{url}", "code"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_promtool_sees_the_same(pair: Pair, words: tuple[str, ...]) -> None:
    seen = [
        promtool(*(word.format(url=server.url) if "{url}" in word else word for word in words))
        for server in (pair.ours, pair.theirs)
    ]
    told = [
        (code, [line.replace(server.url, "URL") for line in lines])
        for (code, lines), server in zip(seen, (pair.ours, pair.theirs), strict=True)
    ]
    assert told[0] == told[1]


def test_the_python_client_sees_the_same(pair: Pair) -> None:
    ours, theirs = (PrometheusConnect(url=server.url) for server in (pair.ours, pair.theirs))
    assert ours.check_prometheus_connection()
    assert sorted(ours.all_metrics()) == sorted(theirs.all_metrics())
    assert sorted(ours.get_label_names()) == sorted(theirs.get_label_names())
    assert sorted(ours.get_label_values("job")) == sorted(theirs.get_label_values("job"))
    end = datetime.now(tz=UTC)
    for client in (ours, theirs):
        current = client.get_current_metric_value("temperature", {"job": "one"})
        assert [c["value"][1] for c in current] == ["21.5"]
        rows = client.get_metric_range_data(
            "temperature", {"job": "one"}, start_time=end - timedelta(seconds=5), end_time=end
        )
        assert set(MetricRangeDataFrame(rows)["value"].astype(float)) == {21.5}
        asked = client.custom_query_range("vector(3)", end - timedelta(seconds=4), end, step="2")
        assert [value for _, value in asked[0]["values"]] == ["3"] * 3
        assert client.get_metric_aggregation("temperature", ["max"], params={}) == {"max": 21.5}


GRAFANA: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "query", {"data": {"query": "1+1", "time": "4"}}),
    ("POST", "query_range", {"data": {"query": "vector(1)", "start": "0", "end": "60", "step": "15"}}),
    ("GET", "label/__name__/values", {"params": {"start": "0", "end": "9999999999"}}),
    ("POST", "labels", {"data": {"match[]": "requests_total", "start": "0", "end": "9999999999"}}),
    ("GET", "labels", {"params": {"match[]": '{__name__="requests_total"}', "limit": "40000"}}),
    ("GET", "label/code/values", {"params": {"match[]": '{__name__="requests_total",job="one"}', "limit": "40000"}}),
    ("POST", "series", {"data": {"match[]": ["requests_total", "up"], "start": "0", "end": "9999999999"}}),
    ("GET", "metadata", {"params": {"limit": "1000"}}),
    ("GET", "query_exemplars", {"params": {"query": "rate(took_seconds_bucket[5m])", "start": "0", "end": "1"}}),
    ("GET", "alertmanagers", {}), ("POST", "format_query", {"data": {"query": "sum(up)by(job)"}}),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "more"), GRAFANA, ids=[path for _, path, _ in GRAFANA])
def test_grafanas_requests_are_answered_the_same(pair: Pair, method: str, path: str, more: dict[str, Any]) -> None:
    headers = {"Accept-Encoding": "gzip", "User-Agent": "Grafana/12.0.0", "X-Grafana-Org-Id": "1"}
    pair.same(method, f"/api/v1/{path}", headers=headers, **more)


def test_grafana_learns_what_it_speaks_to(pair: Pair) -> None:
    ours = pair.ours.data("status/buildinfo")
    assert set(ours) == set(pair.theirs.data("status/buildinfo"))
    assert ours["version"].startswith("3.")


def test_a_real_prometheus_federates_from_us(pair: Pair, tmp_path: Path) -> None:
    place = pair.ours.url.removeprefix("http://")
    (tmp_path / "p.yml").write_text(
        "global: {scrape_interval: 500ms}\nscrape_configs:\n  - job_name: far\n    honor_labels: true\n"
        "    metrics_path: /federate\n    params: {'match[]': ['{job=~\".+\"}', 'job:temperature:max']}\n"
        f"    static_configs: [{{targets: ['{place}']}}]\n"
    )
    with prometheus(tmp_path / "data", tmp_path / "p.yml") as far:
        wait_for(lambda: far.value('temperature{job="one"}') == 21.5, 20, "a federated sample")
        kept = far.data("query", query='{site="here",__name__=~"requests_total|up"}')["result"]
        assert {(r["metric"]["__name__"], r["metric"]["job"]) for r in kept} == {
            ("requests_total", "one"), ("up", "one"), ("up", "cut"), ("up", "dead"),
        }  # fmt: skip
        assert far.value('job:temperature:max{job="one"}') == 21.5
        assert far.value("up{job='far'}") == 1
