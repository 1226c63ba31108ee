"""Any bytes in any parameter of any endpoint: an answer below 500, soon."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote_from_bytes

import pytest
import requests
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.api.running import Server, Target, opsctl
from tests.servers import wait_for

CONFIG = """
global: {{scrape_interval: 200ms, scrape_timeout: 200ms, external_labels: {{site: x}}}}
scrape_configs: [{{job_name: one, static_configs: [{{targets: ['{address}']}}]}}]
"""
NAMES = {
    "query": ("query", "time", "timeout", "limit", "lookback_delta", "stats"),
    "query_range": ("query", "start", "end", "step", "timeout", "limit", "lookback_delta"),
    "query_exemplars": ("query", "start", "end"), "format_query": ("query",), "parse_query": ("query",),
    "series": ("match[]", "start", "end", "limit"), "labels": ("match[]", "start", "end", "limit"),
    "label/__name__/values": ("match[]", "start", "end", "limit"),
    "targets": ("state", "scrapePool"), "targets/metadata": ("match_target", "metric", "limit"),
    "rules": ("type", "rule_name[]", "rule_group[]", "file[]", "exclude_alerts", "group_limit", "group_next_token"),
    "metadata": ("metric", "limit", "limit_per_metric"), "status/tsdb": ("limit",),
}  # fmt: skip
POSTED = ("query", "query_range", "query_exemplars", "format_query", "parse_query", "series", "labels")
_WRITTEN = [
    b"up", b"a{", b'a{b=~"("}', b"sum(up) by (job)", b"up[5m:1s]", b'"\\xff"', b'label_replace(up,"\\xff","","a","")',
    b"rate(up[5m])", b'label_replace(up,"x","\\xff","","")', b'label_replace(up,"x","\\xff","","")[1h:1m]', b"1e400", b"-1", b"0", b"1e308", b"NaN", b"Inf", b"-Inf", b"9" * 400, b"2015-07-01T20:10:51.781Z",
    b"0001-01-01T00:00:00Z", b"9999-12-31T23:59:59Z", b"1y", b"99999999y", b"+1", b"1_0", b"\xd9\xa1", b"\xff\xfe", b"",
    b'{"\\ud800"}', b'up{a="\xed\xa0\x80"}', b"((((((((((1))))))))))", b"1+" * 300 + b"1", b"up @ 1e300", b"up offset 300y",
    b"count_values(\"\\xff\", up)", b"topk(1e300, up)", b"quantile_over_time(2, up[1d:1ms])", b"-" * 300 + b"1",
    b"0x1p-1", b"1e-320", b"9007199254740993", b"1e15", b"-9007199254740",
]  # fmt: skip
words = st.one_of(st.sampled_from(_WRITTEN), st.binary(max_size=30), st.text(max_size=20).map(lambda t: t.encode()))


@st.composite
def questions(draw: st.DrawFn) -> tuple[str, list[tuple[str, bytes]]]:
    """An endpoint, and values for some of its parameters."""
    path = draw(st.sampled_from(sorted(NAMES)))
    return path, draw(st.lists(st.tuples(st.sampled_from(NAMES[path]), words), max_size=5))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder, target = tmp_path_factory.mktemp("fuzz"), Target()
    target.text = 'a 1\nb{c="d"} 2\n'
    config = folder / "prometheus.yml"
    config.write_text(CONFIG.format(address=target.address))
    with opsctl(folder / "data", config) as running:
        wait_for(lambda: running.value("a") == 1, 20, "a sample")
        yield running
    target.close()


def encoded(pairs: list[tuple[str, bytes]]) -> str:
    return "&".join(f"{quote_from_bytes(k.encode())}={quote_from_bytes(v)}" for k, v in pairs)


def well(answer: requests.Response) -> bool:
    """Below 500, or a time limit that was reached; and JSON where it says so."""
    json = answer.json() if "json" in answer.headers.get("Content-Type", "") else {}
    return answer.status_code < 500 or json.get("errorType") == "timeout"


def below_500(answer: requests.Response, asked: object) -> None:
    assert well(answer), (asked, answer.status_code, answer.text[:500])


_ENDPOINT = [(path, [(name, word)]) for path, names in NAMES.items() for name in names for word in _WRITTEN]


def test_each_parameter_with_each_known_nuisance(server: Server) -> None:
    whole = {"query": b"up", "start": b"1", "end": b"2", "step": b"1", "match[]": b"up"}
    session = requests.Session()
    bad = []
    for path, pairs in _ENDPOINT:
        others = [(k, v) for k, v in whole.items() if k in NAMES[path] and k != pairs[0][0]]
        answer = session.get(f"{server.url}/api/v1/{path}?{encoded(pairs + others)}", timeout=20)
        bad += [] if well(answer) else [(path, pairs, answer.status_code, answer.text[:200])]
    assert bad == []


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(questions(), st.booleans())
@example(("query", [("query", b"up"), ("timeout", b"1e308")]), False)
def test_any_bytes(server: Server, question: tuple[str, list[tuple[str, bytes]]], post: bool) -> None:
    path, pairs = question
    if post and path in POSTED:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = requests.post(f"{server.url}/api/v1/{path}", encoded(pairs), headers=headers, timeout=20)
    else:
        answer = requests.get(f"{server.url}/api/v1/{path}?{encoded(pairs)}", timeout=20)
    below_500(answer, question)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    words,
    st.sampled_from(["application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; boundary=x"]),
)
def test_any_body_path_and_selector(server: Server, word: bytes, kind: str) -> None:
    below_500(requests.get(f"{server.url}/api/v1/label/{quote_from_bytes(word, safe='')}/values", timeout=20), word)
    below_500(requests.get(f"{server.url}/api/v1/label/U__{quote_from_bytes(word, safe='')}/values", timeout=20), word)
    below_500(requests.get(f"{server.url}/federate?{encoded([('match[]', word)])}", timeout=20), word)
    below_500(requests.post(f"{server.url}/api/v1/query", word, headers={"Content-Type": kind}, timeout=20), word)
