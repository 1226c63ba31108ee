"""Every endpoint of /api/v1 and beside it, with good, odd and bad parameters: our answers are Debian's Prometheus'."""

from __future__ import annotations

import http.client
from typing import Any

import pytest

from tests.api.pairing import Pair, of_today

TIMES = [
    "", "x", "0", "-1", "1e3", "1.5e9", "NaN", "Inf", "-Inf", "+Inf", "infinity", "nan", "1_0", "0x10", "0x1p3", " 1", "1.", ".5",
    "5m", "1e20", "1e400", "2015-07-01T20:10:51.781Z", "2015-07-01T20:10:51Z", "2015-07-01T20:10:51+02:00", "2015-07-01",
    "2015-07-01T20:10:51", "2015-07-01t20:10:51z", "2015-13-01T00:00:00Z", "2015-02-30T00:00:00Z", "2015-07-01T24:00:00Z",
    "2015-07-01T20:10:61Z", "2015-07-01T20:10:51,5Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
    "-292273086-05-16T16:47:06Z", "292277025-08-18T07:12:54.999999999Z", "1435781451.7819", "2015-07-01T20:10:51.781999999Z",
]  # fmt: skip
DURATIONS = [
    "", "x", "0", "-1", "5m", "1h30m", "1.5", "1e3", "NaN", "Inf", "-Inf", "1e400", "9e9", "1e10", "9.3e9", "1d", "1y", "-5m", "5",
    "0s", "30m1h", "1.5m", "0x10", "1_0", "5M", " 5m", "300y", "292y", "1e-9", "1ms",
]  # fmt: skip
SELECTORS = [
    "up", "{}", '{a=""}', '{a=~".*"}', '{a!="x"}', "up{", "sum(up)", "up[5m]", '"x"', "1", "", "up offset 5m", '{__name__="up"}',
    '{__name__=~"u.*"}', 'up{job="one",job!="two"}', '{job=~".+"}', "nope", "(up)", "-up", "up or up", "up == 1", "up + 1", "up 1", "up sum", "up by (x)", "up,", "up nan", "up }", '{__name__!~"x"}',
]  # fmt: skip
COUNTS = ["", "0", "1", "2", "100", "-1", "x", "1.5", "9" * 20, "+1", "1e2", " 1", "0x1", "-0"]
PATHS = [
    "query", "query_range", "series", "labels", "label/job/values", "query_exemplars", "format_query", "targets",
    "targets/metadata", "rules", "alerts", "alertmanagers", "metadata", "status/config", "status/flags", "status/buildinfo",
    "status/runtimeinfo", "status/tsdb", "status/walreplay", "write", "read", "admin/tsdb/delete_series",
    "admin/tsdb/snapshot", "admin/tsdb/clean_tombstones", "nope", "", "label/job",
]  # fmt: skip
OUTSIDE = [
    "/metrics",
    "/federate",
    "/-/healthy",
    "/-/ready",
    "/-/reload",
    "/-/quit",
    "/version",
    "/nope",
    "/api",
    "/api/v2/x",
]


@pytest.mark.parametrize("path", PATHS)
def test_methods_are_the_same(pair: Pair, path: str) -> None:
    for method in ("PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "TRACE"):
        pair.same(method, f"/api/v1/{path}")


@pytest.mark.parametrize("path", OUTSIDE)
def test_methods_outside_the_api_are_the_same(pair: Pair, path: str) -> None:
    steering = path in ("/-/quit", "/-/reload")
    for method in ("DELETE", "HEAD", "PATCH", "OPTIONS", *(("GET",) if steering else ("PUT", "POST"))):
        pair.same(method, path)


@pytest.mark.parametrize(
    ("path", "fixed", "name"),
    [
        ("query", {"query": "time()"}, "time"), ("query_range", {"query": "vector(1)", "end": 2, "step": 1}, "start"),
        ("query_range", {"query": "vector(1)", "start": 1, "step": "1000000000"}, "end"),
        ("series", {"match[]": "requests_total"}, "start"), ("series", {"match[]": "requests_total"}, "end"),
        ("labels", {}, "start"), ("label/code/values", {}, "end"), ("query_exemplars", {"query": "up"}, "start"),
    ],
)  # fmt: skip
def test_times_are_read_the_same(pair: Pair, path: str, fixed: dict[str, Any], name: str) -> None:
    for text in TIMES:
        if text or path != "query":  # an instant query without a time is of now
            pair.same("GET", f"/api/v1/{path}", params={**fixed, name: text})


def test_steps_are_read_the_same(pair: Pair) -> None:
    for text in DURATIONS:
        fixed = {"query": "vector(1)", "start": 1, "end": 2}
        pair.same("GET", "/api/v1/query_range", params={**fixed, "step": text})
        pair.same("POST", "/api/v1/query_range", data={**fixed, "step": text})


def test_a_time_that_is_no_time_is_up_at_once(pair: Pair) -> None:
    for text in DURATIONS:
        ours, theirs = pair.ask("GET", "/api/v1/query", params={"query": "vector(1)", "time": 1, "timeout": text})
        assert ours.status_code == theirs.status_code, text
        if ours.status_code == 503:  # whether in the queue or later is a matter of chance
            assert ours.json()["error"].startswith("query timed out in query ")
            assert ours.json()["errorType"] == theirs.json()["errorType"] == "timeout"
        else:
            assert ours.json() == theirs.json()


@pytest.mark.parametrize("selector", SELECTORS)
def test_selectors_are_read_the_same(pair: Pair, selector: str) -> None:
    for path in ("series", "labels", "label/job/values"):
        for chosen in ([selector], [selector, "temperature"]):
            pair.same("GET", f"/api/v1/{path}", params={"match[]": chosen})
    pair.same("POST", "/api/v1/series", data={"match[]": selector})
    pair.same("POST", "/api/v1/labels", data={"match[]": selector}, params={"match[]": "up"})
    pair.same("POST", "/api/v1/series", data=f"match[]={selector}", headers={"Content-Type": "text/plain"})
    pair.same("GET", "/api/v1/targets/metadata", params={"match_target": selector})


def test_counts_are_read_the_same(pair: Pair) -> None:
    for text in COUNTS:
        pair.same("GET", "/api/v1/targets/metadata", params={"limit": text, "metric": "nope"})
        pair.same("GET", "/api/v1/metadata", params={"limit": text, "metric": "temperature"})
        if text in ("", "0", "1", "2", "100", "-1", "+1", "-0"):  # 2.42 does not look at the others
            pair.same("GET", "/api/v1/metadata", params={"limit_per_metric": text})


@pytest.mark.parametrize("metric", ["", "temperature", "x", "took_seconds", "took_seconds_bucket", "tiny"])
def test_metadata_are_the_same(pair: Pair, metric: str) -> None:
    for path in ("metadata", "targets/metadata"):
        pair.same("GET", f"/api/v1/{path}", params={"metric": metric})


def test_kinds_of_rules_are_the_same(pair: Pair) -> None:
    for kind in ("record", "RECORD", "x", "alerts"):
        ours, theirs = pair.ask("GET", "/api/v1/rules", params={"type": kind})
        assert ours.status_code == theirs.status_code, kind
        if ours.status_code == 400:
            assert ours.json() == theirs.json()


@pytest.mark.parametrize("name", ["job", "__name__", "nope", "le", "instance", "code"])
def test_values_of_labels_are_the_same(pair: Pair, name: str) -> None:
    for params in ({}, {"match[]": "up"}, {"match[]": ["up", "temperature"]}, {"start": 1, "end": 2}):
        pair.same("GET", f"/api/v1/label/{name}/values", params=params)


@pytest.mark.parametrize(
    "encoding", ["gzip", "deflate", "gzip, deflate", "deflate, gzip", "br", "gzip;q=1", "*", "", "GZIP", "x,gzip"]
)
def test_bodies_are_packed_the_same(pair: Pair, encoding: str) -> None:
    for path in (
        "/api/v1/labels",
        "/api/v1/nope",
        "/api/v1/query",
        "/api/v1/status/walreplay",
        "/federate?match[]=nope",
    ):
        ours, theirs = pair.ask("GET", path, headers={"Accept-Encoding": encoding})
        assert ours.headers.get("Content-Encoding") == theirs.headers.get("Content-Encoding"), path
        assert ours.text == of_today(theirs.text)


def test_a_slash_too_many_or_too_few(pair: Pair) -> None:
    for path in ("/api/v1", "/metrics/", "/-/healthy/", "/metrics/?a=b", "/api/v1?a=b"):
        for method in ("GET", "POST"):
            ours, theirs = pair.ask(method, path)
            assert (ours.status_code, ours.headers.get("Location")) == (
                theirs.status_code,
                theirs.headers.get("Location"),
            )
            assert ours.text == theirs.text


def test_the_first_of_equal_names_counts(pair: Pair) -> None:
    for params in ([("query", "1"), ("query", "2"), ("time", "1")], [("query", ""), ("query", "2"), ("time", "1")]):
        pair.same("GET", "/api/v1/query", params=params)
    pair.same("POST", "/api/v1/query?query=1&time=1", data={"query": "2"})


def test_bad_selectors_of_federation_are_the_same(pair: Pair) -> None:
    for selector in ("up{", "sum(up)", "up[5m]", "", "1", "up offset 5m"):
        pair.same("GET", "/federate", params={"match[]": selector})


@pytest.mark.parametrize("origin", ["", "http://x", "null"])
def test_other_origins_are_answered_the_same(pair: Pair, origin: str) -> None:
    for method, path in (
        ("GET", "/api/v1/labels"),
        ("GET", "/api/v1/query"),
        ("OPTIONS", "/api/v1/x"),
        ("GET", "/federate"),
    ):
        ours, theirs = pair.ask(method, path, headers={"Origin": origin})
        names = {name for name in (*ours.headers, *theirs.headers) if name.lower().startswith("access-control")}
        assert {n: ours.headers.get(n) for n in names} == {n: theirs.headers.get(n) for n in names}, path


def test_statistics_have_the_same_keys(pair: Pair) -> None:
    for stats in ("1", "all"):
        for path, more in (("query", {}), ("query_range", {"start": 1, "end": 2, "step": 1})):
            found = [
                a.json()["data"]["stats"]
                for a in pair.ask("GET", f"/api/v1/{path}", params={"query": "up", "stats": stats, **more})
            ]
            assert [sorted(f) for f in found] == [["samples", "timings"]] * 2
            assert [set(f["timings"]) for f in found] == [set(found[1]["timings"])] * 2
            assert {"totalQueryableSamples", "peakSamples"} <= set(found[0]["samples"])


@pytest.mark.parametrize("query", ["match[]=up&x=%zz", "match[]=%", "match[]=up%2", "%zz&match[]=up"])
def test_escapes_that_are_none_are_refused_the_same(pair: Pair, query: str) -> None:
    for path in ("/api/v1/series", "/federate"):
        answers = []
        for server in (pair.ours, pair.theirs):
            connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=5)
            connection.request("GET", f"{path}?{query}", headers={"Accept-Encoding": "identity"})
            answer = connection.getresponse()
            answers.append((answer.status, answer.read()))
        assert answers[0] == answers[1]


def test_forms_of_other_kinds_are_read_the_same(pair: Pair) -> None:
    pair.same("POST", "/api/v1/query", files={"query": (None, "1 + 1"), "time": (None, "1")})
    pair.same("POST", "/api/v1/query", json={"query": "1"})
    form = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    pair.same("POST", "/api/v1/query", data="query=1%2B1&time=1&", headers=form)
    pair.same("POST", "/api/v1/query", data="query=%22a+b%22&time=1", headers=form)
    pair.same("GET", "/api/v1/query", data="query=1&time=1", headers=form)
    large = "query=" + "1" * (11 << 20)
    assert pair.ask("POST", "/api/v1/query", data=large, headers=form)[0].status_code == 400


@pytest.mark.parametrize(
    "path", ["//metrics", "/-//healthy", "/api/v1//labels?limit=1", "/api/v1/label//values", "/a/../metrics"]
)
def test_paths_are_cleaned_the_same(pair: Pair, path: str) -> None:
    answers = []
    for server in (pair.ours, pair.theirs):
        connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=5)
        connection.request("GET", path, headers={"Accept-Encoding": "identity"})
        answer = connection.getresponse()
        answers.append((answer.status, answer.headers["Location"], answer.read()))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("name", ["a%3Fb", "a%23b", "a%2Fb", "%20", "a%25b"])
def test_names_with_signs_of_addresses(pair: Pair, name: str) -> None:
    ours, theirs = pair.ask("GET", f"/api/v1/label/{name}/values")
    if theirs.status_code == 400:  # no classic name: 2.42 takes no others
        assert (ours.status_code, ours.json()) == (200, {"status": "success", "data": []})
    else:
        assert ours.status_code == theirs.status_code
