"""The door of PromQL: kinds of values, ranges, limits, refusals, any text at all."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsctl.model.labels import Labels
from opsctl.promql import (
    Limits,
    Matrix,
    PromqlError,
    PromqlLimitError,
    PromqlParseError,
    PromqlTimeoutError,
    Scalar,
    String,
    Vector,
    evaluate_instant,
    evaluate_range,
)  # fmt: skip
from tests.promql.memory import Memory

STORE = Memory('up{job="a"} 1x20', 'up{job="b"} 0x20', "requests_total 0+60x20")
MINUTE = 60_000


def instant(expr: str, at: int = 10 * MINUTE) -> object:
    return evaluate_instant(expr, STORE, at)


def test_kinds_of_values() -> None:
    assert isinstance(instant("up"), Vector)
    assert isinstance(instant("up[5m]"), Matrix)
    scalar = instant("1 + 2 * 3")
    assert isinstance(scalar, Scalar)
    assert scalar.value == 7
    text = instant("`raw \\d`")
    assert isinstance(text, String)
    assert text.value == "raw \\d"


def test_a_range_is_left_open() -> None:
    found = instant("up[5m]", 10 * MINUTE)
    assert isinstance(found, Matrix)
    assert [t // MINUTE for t in found.series[0].times.tolist()] == [6, 7, 8, 9, 10]


def test_a_range_query_shows_a_gap_as_a_gap() -> None:
    store = Memory("m 1 1 _x10 1 1", step_ms=MINUTE)
    found = evaluate_range("m", store, 0, 13 * MINUTE, MINUTE)
    assert [t // MINUTE for t in found.series[0].times.tolist()] == [0, 1, 2, 3, 4, 5, 12, 13]


def test_a_stale_marker_ends_a_series_at_once() -> None:
    store = Memory("m 1 1 stale", step_ms=MINUTE)
    found = evaluate_range("m", store, 0, 4 * MINUTE, MINUTE)
    assert found.series[0].times.tolist() == [0, MINUTE]


def test_rate_of_a_steady_counter() -> None:
    found = instant("rate(requests_total[5m])")
    assert isinstance(found, Vector)
    assert dict(found) == {Labels(): 1.0}


@pytest.mark.parametrize(
    ("expr", "message", "position"),
    [
        ("rate(up)", '1:1: parse error: expected type matrix in call to function "rate", got vector', 0),
        ("sum(up", "1:7: parse error: unclosed left parenthesis", 6),
        ("up\n  $", "2:3: parse error: unexpected character: '$'", 5),
        ("a </ b", "1:4: parse error: unexpected <op:/>", 3),
        ("1 + frobnicate(up)", '1:5: parse error: unknown function with name "frobnicate"', 4),
        ("sum(mad_over_time(up[5m]))", '1:5: parse error: function "mad_over_time" is not enabled', 4),
        (
            "limitk(1, up)",
            "1:1: parse error: limitk() is experimental and must be enabled with "
            "--enable-feature=promql-experimental-functions",
            0,
        ),
        ("up + fill(0) up", "1:6: parse error: binop fill modifiers are experimental and not enabled", 5),
        ("up[0s]", "1:4: parse error: duration must be greater than 0", 3),
        ("up @ NaN", "1:6: parse error: timestamp out of bounds for @ modifier: NaN", 5),
        (
            'up{a="1" or b="2"}',
            '1:1: parse error: unexpected identifier "or" in label matching, expected "," or "}"',
            0,
        ),
    ],
)
def test_a_refusal_points_at_the_character(expr: str, message: str, position: int) -> None:
    with pytest.raises(PromqlParseError) as caught:
        instant(expr)
    assert caught.value.message == message
    assert caught.value.position == position


def test_many_to_many_is_refused_in_prometheus_words() -> None:
    with pytest.raises(PromqlError, match=r"found duplicate series for the match group {} on the right hand-side"):
        instant("requests_total * on() up")
    with pytest.raises(PromqlError, match="multiple matches for labels: many-to-one matching must be explicit"):
        instant("up * on() requests_total")


def test_too_large_is_refused_before_it_is_made() -> None:
    with pytest.raises(PromqlLimitError, match="too many samples"):
        instant("count_over_time(vector(1)[10y:1ms])")
    with pytest.raises(PromqlLimitError):
        evaluate_range("up", STORE, 0, 10**15, 1)
    with pytest.raises(PromqlLimitError):
        evaluate_range("quantile_over_time(0.5, vector(1)[1y:1m])", STORE, 0, 10_000 * MINUTE, MINUTE)
    with pytest.raises(PromqlLimitError):
        evaluate_range("up", STORE, 0, 100 * MINUTE, MINUTE, limits=Limits(max_samples=50))


def test_long_and_deep_expressions_end() -> None:
    assert isinstance(instant("+".join(["up"] * 900)), Vector)
    assert isinstance(instant("(" * 150 + "up" + ")" * 150), Vector)
    for bad in (
        "(" * 5000 + "1" + ")" * 5000,
        "+".join(["1"] * 100_000),
        "abs(" * 250 + "up" + ")" * 250,
        "-" * 300_000,
    ):
        with pytest.raises(PromqlParseError):
            instant(bad)


def test_series_that_share_no_timestamps() -> None:
    store = Memory('a_total{x="1"} 0+10x20')
    store.series += [type(s)(s.labels.merged({"x": "2"}), s.times + 7, s.values * 2) for s in store.series]
    found = evaluate_range("sum(rate(a_total[5m]))", store, 10 * MINUTE, 15 * MINUTE, MINUTE)
    np.testing.assert_allclose(found.series[0].values, 0.5, rtol=1e-6)


WORDS = st.sampled_from(
    [
        "up",
        "requests_total",
        "rate",
        "sum",
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "bool",
        "offset",
        "@",
        "start()",
        "end()",
        "[5m]",
        "[5m:1m]",
        "(",
        ")",
        "{",
        "}",
        ",",
        "+",
        "-",
        "*",
        "/",
        "%",
        "^",
        "==",
        "!=",
        "<",
        ">",
        "<=",
        ">=",
        "=~",
        "!~",
        "=",
        "and",
        "or",
        "unless",
        "atan2",
        "1",
        "0",
        "-1",
        "5m",
        "1e3",
        "NaN",
        "Inf",
        "'x'",
        '"y"',
        "`z`",
        "job",
        "topk",
        "quantile",
        "count_values",
        "histogram_quantile",
        "label_replace",
        "absent",
        "time",
        "vector",
        "scalar",
        "#",
        ":",
        ".",
        "$",
        "é",
        "\\",
        "",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=14).map(" ".join)))
def test_any_text_gives_a_value_or_a_named_error(text: str) -> None:
    with suppress(PromqlError):
        evaluate_instant(text, STORE, 10 * MINUTE, limits=Limits(max_samples=100_000))
    with suppress(PromqlError):
        evaluate_range(text, STORE, 0, 5 * MINUTE, MINUTE, limits=Limits(max_samples=100_000))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_as_text(raw: bytes) -> None:
    with suppress(PromqlError):
        evaluate_instant(raw.decode("utf-8", "surrogateescape"), STORE, 0)


def test_a_query_past_its_deadline_stops() -> None:
    passed = Limits(deadline=1.0, clock=lambda: 1.0)
    for expr in ("up", "1", "sum(rate(requests_total[5m]))", "count_over_time(up[5m:1m])"):
        with pytest.raises(PromqlTimeoutError, match=r"^query timed out in expression evaluation$"):
            evaluate_range(expr, STORE, 0, 10 * MINUTE, MINUTE, limits=passed)


def test_a_deadline_is_looked_at_within_the_windows_of_one_node() -> None:
    ticks = iter(range(1_000_000))
    limits = Limits(deadline=6.0, clock=lambda: float(next(ticks)))
    with pytest.raises(PromqlTimeoutError):
        evaluate_range("quantile_over_time(0.5, vector(1)[1d:1m])", STORE, 0, 10_000 * MINUTE, MINUTE, limits=limits)
