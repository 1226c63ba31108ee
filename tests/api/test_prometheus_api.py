"""What Prometheus 3 answers and Debian's 2.42 does not yet: trees, pages of groups, escaped names, limits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from opsctl.api.prometheus_federate import Newest, page
from opsctl.model.labels import Labels
from tests.api.running import Server, Target, opsctl
from tests.servers import wait_for

CONFIG = """
global: {{scrape_interval: 200ms, evaluation_interval: 200ms}}
rule_files: [rules.yml]
scrape_configs:
  - job_name: b
    static_configs: [{{targets: ['{address}']}}]
  - job_name: a
    static_configs: [{{targets: ['{address}']}}]
"""
RULES = "groups:" + "".join(
    f"\n- name: g{n}\n  rules: [{{record: 'r{n}', expr: '1'}}, {{alert: A{n}, expr: 'up > 1'}}]" for n in range(3)
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder, target = tmp_path_factory.mktemp("api"), Target()
    target.text = '# TYPE temperature gauge\ntemperature{room="x"} 21\n{"with.dot",a="1"} 2\n'
    config = folder / "prometheus.yml"
    config.write_text(CONFIG.format(address=target.address))
    (folder / "rules.yml").write_text(RULES + "\n- {name: empty, rules: []}\n")
    with opsctl(folder / "data", config) as running:
        wait_for(lambda: running.value("temperature{job='a'}") == 21 and running.value("r2") == 1, 20, "samples")
        yield running
    target.close()


def refusal(server: Server, path: str, **params: Any) -> str:
    answer = server.get(f"/api/v1/{path}", **params)
    assert answer.status_code == 400, answer.text
    assert answer.json()["errorType"] == "bad_data"
    return str(answer.json()["error"])


def test_a_tree_has_prometheus_shape(server: Server) -> None:
    tree = server.data("parse_query", query="rate(x[1m]) * up")
    assert (tree["type"], tree["op"], tree["matching"], tree["bool"]) == (
        "binaryExpr", "*", {"card": "one-to-one", "labels": [], "on": False, "include": [], "fillValues": {"lhs": None, "rhs": None}}, False,
    )  # fmt: skip
    assert tree["rhs"] == {
        "type": "vectorSelector", "name": "up", "offset": 0, "timestamp": None, "startOrEnd": None,
        "matchers": [{"name": "__name__", "value": "up", "type": "="}], "offsetExpr": None, "anchored": False, "smoothed": False,
    }  # fmt: skip


def test_the_parts_of_a_tree(server: Server) -> None:
    top = server.data("parse_query", query="topk(2, rate(up{a!='b'}[5m] @ start() offset -1m))")
    assert (top["type"], top["op"], top["grouping"], top["without"]) == ("aggregation", "topk", [], False)
    assert top["param"] == {"type": "numberLiteral", "val": "2"}
    call = top["expr"]
    assert call["func"] == {"name": "rate", "argTypes": ["matrix"], "variadic": 0, "returnType": "vector"}
    (window,) = call["args"]
    assert (window["type"], window["range"], window["offset"], window["startOrEnd"], window["timestamp"]) == (
        "matrixSelector", 300_000, -60_000, "start", None,
    )  # fmt: skip
    assert (window["rangeExpr"], window["offsetExpr"], window["anchored"]) == (None, None, False)
    sub = server.data("parse_query", query="max_over_time((-up)[1h:1m] @ 5)")["args"][0]
    assert (sub["type"], sub["range"], sub["step"], sub["timestamp"]) == ("subquery", 3_600_000, 60_000, 5000)
    assert (sub["rangeExpr"], sub["stepExpr"], sub["offsetExpr"]) == (None, None, None)
    assert (sub["expr"]["type"], sub["expr"]["expr"]["type"], sub["expr"]["expr"]["op"]) == (
        "parenExpr",
        "unaryExpr",
        "-",
    )
    joined = server.data("parse_query", query="a * on(x) group_left(y) b")["matching"]
    assert (joined["card"], joined["labels"], joined["on"], joined["include"]) == ("many-to-one", ["x"], True, ["y"])
    assert server.data("parse_query", query="1 + up")["matching"] is None


@pytest.mark.parametrize(
    ("expr", "printed"),
    [
        ("1e6", "1000000"), ("1e-5 + 1e21", "0.00001 + 1000000000000000000000"), ("-Inf", "-Inf"), ("0x1F", "31"),
        ("5m + -1h", "5m + -1h"), ("90m * up", "1h30m * up"), ("(1500ms)", "(1s500ms)"), ("0s", "0s"),
    ],
)  # fmt: skip
def test_numbers_are_printed_as_they_are_meant(server: Server, expr: str, printed: str) -> None:
    assert server.data("format_query", query=expr) == printed


def test_a_subquery_that_fits_stays_where_it_is(server: Server) -> None:
    inside = "quantile_over_time(0.9, (requests_bucket{le='+Inf', path='/a/long/path/of/an/order'})[2m:30s] offset 45s)"
    printed = server.data("format_query", query=f"max_over_time(({inside})[50s:7s])").split("\n")
    assert printed[4] == '(requests_bucket{le="+Inf",path="/a/long/path/of/an/order"})[2m:30s] offset 45s'


def test_a_tree_too_deep_is_refused_by_name(server: Server) -> None:
    long = {"query": "+".join(["a"] * 400)}
    said = requests.post(f"{server.url}/api/v1/parse_query", data=long, timeout=20)
    assert said.status_code == 400
    assert "nested too deeply" in said.json()["error"]
    assert requests.post(f"{server.url}/api/v1/format_query", data=long, timeout=20).status_code == 200


def test_small_answers(server: Server) -> None:
    assert server.data("scrape_pools") == {"scrapePools": ["a", "b"]}
    assert server.data("notifications") == []
    page = server.get("/").text
    assert "<title>Prometheus Time Series Collection and Processing Server</title>" in page
    assert 'href="/api/v1/targets"' in page
    assert "http://" not in page.replace("http://127", "")
    rows = server.data("targets/metadata", match_target='{job="a"}')
    assert [(r["metric"], r["type"], r["target"]["job"]) for r in rows] == [("temperature", "gauge", "a")]


@pytest.mark.parametrize("path", ["query", "query_range", "labels", "series", "label/job/values"])
def test_a_bad_limit_is_refused_in_gos_words(server: Server, path: str) -> None:
    params = {"query": "up", "match[]": "up", "start": 1, "end": 2, "step": 1}
    for limit, why in (
        ("x", 'strconv.Atoi: parsing "x": invalid syntax'), ("-1", "limit must be non-negative"),
        ("9" * 20, f'strconv.Atoi: parsing "{"9" * 20}": value out of range'),
    ):  # fmt: skip
        assert refusal(server, path, limit=limit, **params) == f'invalid parameter "limit": {why}'


def test_groups_come_in_pages(server: Server) -> None:
    names, token = [], {}
    for _ in range(5):
        page = server.data("rules", group_limit=2, **token)
        names.append([g["name"] for g in page["groups"]])
        if "groupNextToken" not in page:
            break
        token = {"group_next_token": page["groupNextToken"]}
    assert names == [["g0", "g1"], ["g2"]]
    first = server.data("rules", group_limit=1)
    file = first["groups"][0]["file"]
    assert first["groupNextToken"] == hashlib.sha1(f"{file};g1".encode()).hexdigest()
    assert [g["name"] for g in server.data("rules", **{"rule_name[]": "r1"})["groups"]] == ["g1"]


def test_bad_pages_are_refused(server: Server) -> None:
    for params, why in (
        ({"group_next_token": "x"}, "group_limit needs to be present in order to paginate over the groups"),
        ({"group_limit": 0}, "group_limit needs to be greater than 0"),
        ({"group_limit": 1, "group_next_token": "x"}, "invalid group_next_token 'x'. were rule groups changed?"),
    ):
        assert refusal(server, "rules", **params).endswith(f": {why}")


def test_escaped_label_names(server: Server) -> None:
    assert server.data("label/U__room/values") == server.data("label/room/values") == ["x"]
    assert server.data("label/U__r_6f_om/values") == ["x"]
    assert server.data("label/U______name____/values") == server.data("label/__name__/values")


def test_federation_leaves_out_what_has_ended(tmp_path: Path) -> None:
    target = Target()
    target.text = "gone 1\nkept 2\n"
    config = tmp_path / "prometheus.yml"
    config.write_text(CONFIG.format(address=target.address).replace("rule_files: [rules.yml]\n", ""))
    with opsctl(tmp_path / "data", config) as server:
        asked = {"match[]": ['{job="a"}', "kept"]}
        wait_for(lambda: "gone{" in server.get("/federate", **asked).text, 10, "a sample")
        target.text = "kept 2\n"
        wait_for(lambda: "gone{" not in server.get("/federate", **asked).text, 10, "its end")
        text = server.get("/federate", **asked).text
        assert text.count("# TYPE kept untyped\n") == 1
        assert text.count("\nkept{") == 2
        empty = server.get("/federate")
        assert (empty.status_code, empty.text) == (200, "")
    target.close()


def test_federation_writes_other_names_for_who_reads_them(server: Server) -> None:
    asked = {"match[]": '{"with.dot",job="a"}'}
    assert "# TYPE with_dot untyped\nwith_dot{a=" in server.get("/federate", **asked).text
    accept = {"Accept": "text/plain; version=1.0.0; escaping=allow-utf-8"}
    answer = requests.get(f"{server.url}/federate", params=asked, headers=accept, timeout=5)
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8"
    assert '# TYPE "with.dot" untyped\n{"with.dot",a="1"' in answer.text


def test_a_zero_is_federated_without_its_sign() -> None:
    samples = [Newest(Labels({"__name__": "a"}), 1, value) for value in (-0.0, -1.5)]
    assert page(samples, {}) == '# TYPE a untyped\na{instance=""} 0 1\na{instance=""} -1.5 1\n'
