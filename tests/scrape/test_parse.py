"""The exposition formats: what a page says, and what is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from opsctl.model.labels import Labels
from opsctl.model.metadata import Metadata
from opsctl.scrape.metadata import collected
from opsctl.scrape.parse import BadExposition, parse
from opsctl.scrape.series_text import BadSeries, parse_series, read_series


def test_lines_are_cut_into_series_and_values() -> None:
    page = parse('# HELP a x\n# TYPE a counter\na 1\na{b="c"} 2.5e3\n\nd{e="}"}\t+Inf\nf NaN\ng -Inf\n')
    assert page.keys == ["a", 'a{b="c"}', 'd{e="}"}', "f", "g"]
    assert page.values[:3] == [1, 2500, math.inf]
    assert math.isnan(page.values[3])
    assert collected(page.comments) == {"a": Metadata("counter", "x")}


def test_a_time_of_its_own() -> None:
    assert parse("a 1 1395066363000\n").stamped == [("a", 1.0, 1395066363000)]
    assert parse("a 1 1395066363.5\n# EOF", openmetrics=True).stamped == [("a", 1.0, 1395066363500)]


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("a", {"__name__": "a"}), ("a{}", {"__name__": "a"}), ('a {b="c"}', {"__name__": "a", "b": "c"}),
        ('a{ b = "c" , d="e",}', {"__name__": "a", "b": "c", "d": "e"}),
        (r'a{b="x\"y\\z\nw{},="}', {"__name__": "a", "b": 'x"y\\z\nw{},='}),
        ('{"a.b", c="d"}', {"__name__": "a.b", "c": "d"}), ('{"a.b"}', {"__name__": "a.b"}),
        ('a{"l.m"="n"}', {"__name__": "a", "l.m": "n"}), ('a{b="中文"}', {"__name__": "a", "b": "中文"}),
        ('a{b=""}', {"__name__": "a"}),
    ],
)  # fmt: skip
def test_series(text: str, labels: dict[str, str]) -> None:
    assert parse_series(text) == Labels(labels)


@pytest.mark.parametrize("text", ["a{", 'a{b="c}', "a{b}", '{b="c"}', "1a", 'a{b="c",b="d"}', "a b"])
def test_bad_series_are_refused(text: str) -> None:
    with pytest.raises(BadSeries):
        parse_series(text)


@pytest.mark.parametrize(
    "text",
    ["a\n", "a x\n", "a 1 2 3\n", "a 1 x\n", "<html>\n", 'a{b="c"} \n', "a 1_000\n", "a ١٢\n", "a 1 1_0\n", "a 1 ١\n"],
)
def test_bad_lines_are_named(text: str) -> None:
    with pytest.raises(BadExposition, match="line 1"):
        parse(text)


def test_openmetrics_must_end() -> None:
    with pytest.raises(BadExposition, match="EOF"):
        parse("a 1\n", openmetrics=True)


def test_exemplars_are_left_out() -> None:
    page = parse('a_bucket{le="1 # 2"} 3 # {trace_id="x"} 0.5 1.2\nb 4\n# EOF\n', openmetrics=True)
    assert list(zip(page.keys, page.values, strict=True)) == [('a_bucket{le="1 # 2"}', 3.0), ("b", 4.0)]


def test_as_the_field_parses_it() -> None:
    registry = CollectorRegistry()
    Counter("c", "x", ["l"], registry=registry).labels('we"ird\\\n').inc(3)
    Gauge("g", "y", registry=registry).set(1e-9)
    Histogram("h", "z", ["m"], registry=registry).labels("v").observe(0.3)
    text = generate_latest(registry).decode()
    theirs = {
        Labels({"__name__": s.name, **s.labels}): s.value
        for f in text_string_to_metric_families(text)
        for s in f.samples
    }
    page = parse(text)
    assert {parse_series(k): v for k, v in zip(page.keys, page.values, strict=True)} == theirs
    om = parse(generate_openmetrics(registry).decode(), openmetrics=True)  # type: ignore[no-untyped-call]
    ours = {parse_series(k): v for k, v in zip(om.keys, om.values, strict=True)}
    assert {k: v for k, v in ours.items() if not k.name.endswith("_created")} == {
        k: v for k, v in theirs.items() if not k.name.endswith("_created")
    }


@given(st.text(max_size=80))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused_by_name(text: str) -> None:
    for openmetrics in (False, True):
        try:
            for key in parse(text, openmetrics).keys:
                parse_series(key)
        except (BadExposition, BadSeries):
            pass


def test_where_prometheus_3_is_not_2() -> None:
    """Blanks before a name, quoted names, a comma at the end."""
    assert parse_series("\ta") == Labels({"__name__": "\ta"})
    assert parse(" a 1 \n").keys == [" a"]
    assert parse_series('a{x="1",}', openmetrics=True) == Labels({"__name__": "a", "x": "1"})
    assert parse_series('{x="1","a b"}') == Labels({"__name__": "a b", "x": "1"})


def test_bounds_are_written_one_way() -> None:
    for written, kept in (
        ("1", "1.0"),
        ("1e6", "1e+06"),
        ("0.50", "0.5"),
        ("+Inf", "+Inf"),
        ("x", "x"),
        ("-0", "-0.0"),
    ):
        assert read_series(f'h_bucket{{le="{written}",quantile="1"}}', kind="histogram")["le"] == kept
    assert read_series('s{quantile="1",le="1"}', kind="summary") == {"__name__": "s", "quantile": "1.0", "le": "1"}
    assert read_series('g{le="1"}', kind="gauge")["le"] == "1"


def test_a_label_value_may_hold_line_ends() -> None:
    page = parse('# HELP a "\na{x="1\n2"} 1\nb 2\n')
    assert [parse_series(key) for key in page.keys] == [
        Labels({"__name__": "a", "x": "1\n2"}), Labels({"__name__": "b"}),
    ]  # fmt: skip
