"""The same targets, the same questions: our API and Debian's Prometheus answer alike."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
import requests

from tests.api.pairing import Pair, of_today


def shape(value: Any) -> Any:
    """Keys and types, without the values."""
    if isinstance(value, dict):
        return {k: shape(v) for k, v in sorted(value.items())}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


@pytest.mark.parametrize(
    "expr",
    [
        "temperature", "requests_total", "up", "tiny + 0", "huge", "nothing", "endless", "sum by (code) (requests_total)",
        "3", '"text"', "absent(nope)", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
        "job:temperature:max", "ALERTS", 'ALERTS{alertstate="pending"}', "count_over_time(up[1s]) > bool 0",
        "histogram_quantile(0.5, took_seconds_bucket)", "nope", "vector(1)", "0 / 0", "1e-7 * 1", "123456789012345678",
    ],
)  # fmt: skip
def test_queries_give_the_same(pair: Pair, expr: str) -> None:
    ours, theirs = pair.both("/api/v1/query", query=expr, time=time.time())
    for body in (ours, theirs):
        if isinstance(body["data"]["result"], list) and body["data"]["resultType"] == "vector":
            body["data"]["result"].sort(key=lambda r: sorted(r["metric"].items()))
    assert ours == theirs


def test_ranges_have_the_same_shape_and_series(pair: Pair) -> None:
    now = time.time()
    ours, theirs = pair.both("/api/v1/query_range", query="temperature", start=now - 2, end=now, step="0.5")
    assert shape(ours) == shape(theirs)
    assert [r["metric"] for r in ours["data"]["result"]] == [r["metric"] for r in theirs["data"]["result"]]
    assert [v for _, v in ours["data"]["result"][0]["values"]][-1] == "21.5"


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("query", {"query": "up", "time": "soon"}), ("query", {"query": "up", "timeout": "x"}),
        ("query_range", {"query": "up"}), ("query_range", {"query": "up", "start": 2, "end": 1, "step": 1}),
        ("query_range", {"query": "up", "start": 1, "end": 2, "step": 0}),
        ("query_range", {"query": "up", "start": 1, "end": 2}),
        ("query_range", {"query": "up", "start": 1, "end": 20000, "step": 1}),
        ("query_range", {"query": "up", "start": 1, "end": 2, "step": "x"}),
        ("series", {}), ("series", {"match[]": "{a=''}"}),
        ("query", {"query": "up * on(job) group_left() requests_total"}),
        ("query", {"query": "up + on(job) requests_total"}),
    ],
)  # fmt: skip
def test_errors_are_the_same(pair: Pair, path: str, params: dict[str, Any]) -> None:
    ours, theirs = pair.both(f"/api/v1/{path}", **params)
    assert (ours["status"], ours["errorType"]) == (theirs["status"], theirs["errorType"])
    if "group_left" not in params.get("query", "") and "requests_total" not in params.get("query", ""):
        assert ours["error"] == of_today(theirs["error"])


def test_parse_errors_have_the_same_kind(pair: Pair) -> None:
    for expr in ("", "sum(", "rate(up)", "up[5m", "nope(1)"):
        ours, theirs = pair.both("/api/v1/query", query=expr)
        assert ours["errorType"] == theirs["errorType"] == "bad_data"
        assert ours["error"].startswith('invalid parameter "query": ')


def test_labels_and_series_are_the_same(pair: Pair) -> None:
    for path, params in (
        ("labels", {}), ("labels", {"match[]": "requests_total"}), ("label/job/values", {}),
        ("label/code/values", {"match[]": ['requests_total{code=~"2.."}', "temperature"]}),
        ("series", {"match[]": ["requests_total", '{job="cut"}']}), ("label/__name__/values", {}),
        ("series", {"match[]": "up", "start": 1, "end": 2}), ("query_exemplars", {"query": "up"}),
    ):  # fmt: skip
        ours, theirs = pair.both(f"/api/v1/{path}", **params)
        if path == "series":
            for body in (ours, theirs):
                body["data"].sort(key=lambda r: sorted(r.items()))
        assert ours == theirs, path


def test_targets_are_the_same(pair: Pair) -> None:
    ours, theirs = pair.both("/api/v1/targets")
    changing = ("lastScrape", "lastScrapeDuration", "lastError", "globalUrl")
    for body in (ours, theirs):
        body["data"]["activeTargets"].sort(key=lambda t: (t["scrapePool"], t["scrapeUrl"]))
        for target in body["data"]["activeTargets"]:
            assert all(target.pop(name) is not None for name in changing)
    assert ours["data"]["activeTargets"] == theirs["data"]["activeTargets"]
    assert ours["data"]["droppedTargetCounts"] == {"cut": 1, "dead": 0, "one": 0}
    ours, theirs = pair.both("/api/v1/targets", state="dropped")
    for body in (ours, theirs):
        assert [t["discoveredLabels"]["__address__"] for t in body["data"]["droppedTargets"]] == ["dropped:1"]


def test_rules_and_alerts_are_the_same(pair: Pair) -> None:
    for path, params in (
        ("rules", {}),
        ("rules", {"type": "alert"}),
        ("rules", {"type": "record"}),
        ("alerts", {}),
    ):
        ours, theirs = pair.both(f"/api/v1/{path}", **params)
        for group in theirs["data"].get("groups", ()):
            for rule in group["rules"]:
                rule.setdefault("labels", {})  # Prometheus 3 shows them where there are none, too
        assert still(ours) == still(theirs), path


def still(value: Any) -> Any:
    """Without what differs from run to run."""
    changing = ("evaluationTime", "lastEvaluation", "activeAt", "file", "keepFiringSince")
    if isinstance(value, dict):
        return {k: (type(v).__name__ if k in changing else still(v)) for k, v in value.items()}
    if isinstance(value, list):
        return sorted((still(v) for v in value), key=str)
    return value


def test_metadata_and_status_are_alike(pair: Pair) -> None:
    ours, theirs = pair.both("/api/v1/metadata", metric="requests_total")
    assert ours == theirs
    for path in ("status/buildinfo", "status/runtimeinfo", "status/config", "alertmanagers"):
        ours, theirs = pair.both(f"/api/v1/{path}")
        assert set(theirs["data"]) <= set(ours["data"]), path
    ours, theirs = pair.both("/api/v1/status/tsdb")
    assert set(ours["data"]) == set(theirs["data"])
    assert set(ours["data"]["headStats"]) == set(theirs["data"]["headStats"])
    ours, theirs = pair.both("/api/v1/status/tsdb", limit=1000)  # 2.42 shows ten all the same
    for name in ("seriesCountByMetricName", "labelValueCountByLabelName", "memoryInBytesByLabelName"):
        assert {(r["name"], r["value"]) for r in theirs["data"][name]} <= {
            (r["name"], r["value"]) for r in ours["data"][name]
        }
    pairs = {r["name"]: r["value"] for r in ours["data"]["seriesCountByLabelValuePair"]}
    assert {r["name"]: r["value"] for r in theirs["data"]["seriesCountByLabelValuePair"]}.items() <= pairs.items()
    for path in ("/-/healthy", "/-/ready"):
        assert pair.ours.get(path).text == pair.theirs.get(path).text


def test_forms_may_be_posted(pair: Pair) -> None:
    for server in (pair.ours, pair.theirs):
        answer = requests.post(f"{server.url}/api/v1/query", data={"query": "temperature{job='one'}"}, timeout=5)
        assert answer.json()["data"]["result"][0]["value"][1] == "21.5"


LONG = "sum by (code, path) (rate(requests_total{code=~'5..', path!='/health', team='x'}[5m]))"


@pytest.mark.parametrize(
    "expr",
    [
        "up", "sum(up)by(job)", "sum without(job)(up)", "topk(3,up)", "-up", "-(1+2)", "123456.5", "Inf", "0x10",
        "up{a='b',c=~'d.*'} offset 5m", "up @ 12.5", "up @ start() offset -1h30m", "rate(up[90s] @ end() offset 1d)",
        "max_over_time(rate(up[5m])[1h:])", "max_over_time(rate(up[5m])[1h:1m] offset 1w)",
        '{__name__=~"u.*"}', "up == bool 1", "up * on(job) group_left(a) up", "up and ignoring(job) up", '"a\\"b"', "time()",
        "up * ignoring(a) group_right() up", "count_values('x', up)", "a + on() b",
        f"{LONG} / {LONG}", f"topk(5, {LONG} / {LONG})", f"({LONG} + {LONG})", f"-({LONG} + {LONG})",
        f"histogram_quantile(0.9, {LONG} * on (code) group_left (path) {LONG})",
        f"label_replace({LONG}, 'a_long_label_name', '$1', 'another_long_label', '(.*)')",
        f"max_over_time(({LONG} + {LONG})[1h:1m])", f"{LONG} > bool {LONG}", f"1 + {LONG} + {LONG}",
    ],
)  # fmt: skip
def test_expressions_are_printed_the_same(pair: Pair, expr: str) -> None:
    ours, theirs = pair.both("/api/v1/format_query", query=expr)
    assert ours == theirs


def test_bad_expressions_are_not_printed(pair: Pair) -> None:
    ours, theirs = pair.both("/api/v1/format_query", query="sum(")
    assert ours["errorType"] == theirs["errorType"] == "bad_data"
    assert ours["error"].startswith('invalid parameter "query": ')


def test_federation_gives_the_same_page(pair: Pair) -> None:
    chosen = [
        "temperature",
        'up{job="one"}',
        'requests_total{code=~".+"}',
        "huge",
        "tiny",
        "nothing",
        "endless",
        "nope",
    ]
    pages = [server.get("/federate", **{"match[]": chosen}) for server in (pair.ours, pair.theirs)]
    assert [p.status_code for p in pages] == [200, 200]
    ours, theirs = (re.sub(r" \d{13}$", " TIME", p.text, flags=re.MULTILINE) for p in pages)
    assert sorted(ours.splitlines()) == sorted(theirs.splitlines())
    assert [x for x in ours.splitlines() if x[0] == "#"] == [x for x in theirs.splitlines() if x[0] == "#"]
    assert 'up{instance="' in ours
    assert 'site="here"' in ours


def test_federation_adds_an_empty_instance_to_what_has_none(pair: Pair) -> None:
    texts = [server.get("/federate", **{"match[]": "job:temperature:max"}).text for server in (pair.ours, pair.theirs)]
    for text in texts:
        assert 'instance="",site="here"' in text
    for bad in ({"match[]": "{"}, {"match[]": "sum(up)"}):
        assert [server.get("/federate", **bad).status_code for server in (pair.ours, pair.theirs)] == [400, 400]


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("status/walreplay", {}), ("targets/metadata", {"metric": "requests_total"}), ("query_exemplars", {"query": "up"}),
        ("targets/metadata", {"match_target": '{job="one"}', "metric": "temperature"}),
        ("targets/metadata", {"limit": "x"}), ("targets/metadata", {"metric": "nope"}),
        ("query_exemplars", {"query": "up", "start": "x"}), ("query_exemplars", {"query": "up", "start": 2, "end": 1}),
    ],
)  # fmt: skip
def test_small_endpoints_are_the_same(pair: Pair, path: str, params: dict[str, Any]) -> None:
    ours, theirs = pair.both(f"/api/v1/{path}", **params)
    for body in (ours, theirs):
        if isinstance(body.get("data"), list):
            body["data"].sort(key=str)
    assert ours == {**theirs, **({"error": of_today(theirs["error"])} if "error" in theirs else {})}


def test_refusals_are_the_same(pair: Pair) -> None:
    for server in (pair.ours, pair.theirs):
        refused = requests.post(f"{server.url}/api/v1/admin/tsdb/delete_series", data={"match[]": "up"}, timeout=5)
        assert (refused.status_code, refused.json()["errorType"]) == (500, "unavailable")
        assert refused.json()["error"] == "admin APIs disabled"
        refused = requests.post(f"{server.url}/api/v1/write", data=b"x", timeout=5)
        assert refused.status_code == 404
        assert refused.text.startswith("remote write receiver needs to be enabled with --")


def test_other_origins_may_read(pair: Pair) -> None:
    names = ("Access-Control-Allow-Origin", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers", "Vary")
    for method, path, headers in (
        ("OPTIONS", "/api/v1/query", {"Origin": "http://y"}), ("OPTIONS", "/api/v1/nope", {"Origin": "http://x"}),
        ("GET", "/api/v1/labels", {"Origin": "http://x"}), ("HEAD", "/-/healthy", {}), ("HEAD", "/-/ready", {}),
    ):  # fmt: skip
        answers = [requests.request(method, s.url + path, headers=headers, timeout=5) for s in (pair.ours, pair.theirs)]
        ours, theirs = ((a.status_code, [a.headers.get(name) for name in names]) for a in answers)
        assert ours == theirs, (method, path)


def test_groups_come_by_name(pair: Pair) -> None:
    ours, theirs = pair.both("/api/v1/rules")
    orders = [[(g["name"], [r["name"] for r in g["rules"]]) for g in body["data"]["groups"]] for body in (ours, theirs)]
    assert orders[0] == orders[1]
    assert [name for name, _ in orders[0]] == ["e", "g"]
    errors = [[r.get("lastError") for r in body["data"]["groups"][0]["rules"]] for body in (ours, theirs)]
    assert errors[0] == errors[1] == ["exceeded limit of 1 with 2 series", "exceeded limit of 1 with 2 alerts"]


def test_alerts_come_in_the_order_of_their_groups(pair: Pair) -> None:
    ours, theirs = pair.both("/api/v1/alerts")
    names = [[alert["labels"]["alertname"] for alert in body["data"]["alerts"]] for body in (ours, theirs)]
    assert names[0] == names[1]
