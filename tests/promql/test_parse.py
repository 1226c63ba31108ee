"""What is taken and what is refused, with Prometheus' sentences and places; what a number and a sign mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsctl.promql import PromqlParseError, parse
from opsctl.promql.syntax import Binary, Number, Range, Selector, Signed, Subquery, Text

CASES = Path(__file__).parent / "cases"


def lines(name: str) -> list[str]:
    text = (CASES / name).read_text()
    return [line.replace("⏎", "\n") for line in text.split("\n") if line and not line.startswith("# What")]


@pytest.mark.parametrize("line", lines("refused.txt"))
def test_refused_in_prometheus_words_and_at_its_place(line: str) -> None:
    marked, reason = line.split("  ⟶  ")
    with pytest.raises(PromqlParseError) as caught:
        parse(marked.replace("¦", "", 1))
    assert (caught.value.reason, caught.value.position) == (reason, marked.index("¦"))


@pytest.mark.parametrize("text", lines("accepted.txt"))
def test_accepted(text: str) -> None:
    parse(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1_000", 1000), ("0x1F", 31), ("0X_f", 15), ("0755", 493), ("089", 89), (".5", 0.5), ("5.", 5), ("1e3", 1000),
        ("1E-3", 0.001), ("1h30m", 5400), ("100ms", 0.1), ("--2", 2), ("-+2", -2), ("-Inf", float("-inf")), ("5m", 300),
    ],
)  # fmt: skip
def test_numbers(text: str, value: float) -> None:
    assert parse(text) == Number(value)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (r"`a\nb`", r"a\nb"), (r'"a\nb"', "a\nb"), (r"'\x41\101\u00e9\U0001F600'", "AAé😀"), (r"'\xc3\xa9'", "é"),
        (r"'\''", "'"), (r'"\""', '"'), ("'☺'", "☺"), (r"'\xff'", "\udcff"), ("`'\"`", "'\""),
    ],
)  # fmt: skip
def test_strings(text: str, content: str) -> None:
    assert parse(text) == Text(content)


def test_a_sign_binds_as_a_product_does() -> None:
    power = parse("-1 ^ 2")
    assert isinstance(power, Signed)
    assert isinstance(power.expr, Binary)
    product = parse("-up * 2")
    assert isinstance(product, Binary)
    assert isinstance(product.lhs, Signed)


def test_operators_by_precedence() -> None:
    tree = parse("a or b and c == d + e * f ^ g ^ h")
    seen = []
    while isinstance(tree, Binary):
        seen.append(tree.op)
        tree = tree.rhs
    assert seen == ["or", "and", "==", "+", "*", "^", "^"]
    left = parse("a - b - c")
    assert isinstance(left, Binary)
    assert isinstance(left.lhs, Binary)


def test_durations_are_cut_to_milliseconds_by_way_of_nanoseconds() -> None:
    found = parse("up[4.018] offset -0.0015 @ 3.3335")
    assert isinstance(found, Range)
    assert (found.range_ms, found.selector.offset_ms, found.selector.at) == (4018, -1, 3334)


def test_what_stands_behind_a_subquery_is_the_subquery_s() -> None:
    found = parse("up offset 1m [1h:5m] offset 2m @ end()")
    assert isinstance(found, Subquery)
    assert (found.range_ms, found.step_ms, found.offset_ms, found.at) == (3_600_000, 300_000, 120_000, "end")
    assert isinstance(found.expr, Selector)
    assert found.expr.offset_ms == 60_000


def test_columns_count_bytes_and_positions_count_characters() -> None:
    with pytest.raises(PromqlParseError) as caught:
        parse("'é' + $")
    assert caught.value.message.startswith("1:8: parse error:")
    assert caught.value.position == 6
