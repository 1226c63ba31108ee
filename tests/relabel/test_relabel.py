"""relabel: every action, as Prometheus' own cases have them."""

from __future__ import annotations

import pytest

from opsctl.core.document import convert, parse
from opsctl.core.errors import DocumentError
from opsctl.relabel import Rule, relabel

ABC = {"a": "foo", "b": "bar", "c": "baz"}


@pytest.mark.parametrize(
    ("before", "rules", "after"),
    [
        (ABC, [Rule(source_labels=("a",), regex="f(.*)", target_label="d", replacement="ch${1}-ch${1}")],
         {**ABC, "d": "choo-choo"}),
        (ABC, [Rule(source_labels=("a", "b"), regex="f(.*);(.*)r", target_label="a", replacement="b${1}${2}m"),
               Rule(source_labels=("c", "a"), regex="(b).*b(.*)ba(.*)", target_label="d",
                    replacement="$1$2$2$3")],
         {"a": "boobam", "b": "bar", "c": "baz", "d": "boooom"}),
        (ABC, [Rule(source_labels=("a",), regex="o", action="drop")], ABC),
        (ABC, [Rule(source_labels=("a",), regex=".*o.*", action="drop")], None),
        (ABC, [Rule(source_labels=("a",), regex="no-match", action="keep")], None),
        (ABC, [Rule(source_labels=("a",), regex="f.*", action="keep")], ABC),
        (ABC, [Rule(source_labels=("c",), target_label="d", separator=";", action="hashmod", modulus=1000)],
         {**ABC, "d": "976"}),
        ({"a": "foo\nbar"}, [Rule(source_labels=("a",), target_label="b", action="hashmod", modulus=1000)],
         {"a": "foo\nbar", "b": "734"}),
        ({"a": "foo", "b1": "bar", "b2": "baz"}, [Rule(regex="(b.*)", replacement="bar_${1}", action="labelmap")],
         {"a": "foo", "b1": "bar", "b2": "baz", "bar_b1": "bar", "bar_b2": "baz"}),
        ({"a": "foo", "b1": "bar", "b2": "baz"}, [Rule(regex="(b.*)", action="labeldrop")], {"a": "foo"}),
        ({"a": "foo", "b1": "bar", "b2": "baz"}, [Rule(regex="(b.*)", action="labelkeep")],
         {"b1": "bar", "b2": "baz"}),
        ({"foo": "bAr123Foo"}, [Rule(source_labels=("foo",), target_label="l", action="lowercase"),
                                Rule(source_labels=("foo",), target_label="u", action="uppercase")],
         {"foo": "bAr123Foo", "l": "bar123foo", "u": "BAR123FOO"}),
        ({"__tmp_port": "1234", "__port1": "1234", "__port2": "5678"},
         [Rule(source_labels=("__tmp_port",), target_label="__port1", action="keepequal")],
         {"__tmp_port": "1234", "__port1": "1234", "__port2": "5678"}),
        ({"__tmp_port": "1234", "__port1": "1234"},
         [Rule(source_labels=("__tmp_port",), target_label="__port1", action="dropequal")], None),
        ({"a": "foo"}, [Rule(target_label="a", replacement="")], {}),
        ({"a": "foo"}, [Rule(source_labels=("a",), regex="(f).*", target_label="${1}x", replacement="y$$")],
         {"a": "foo", "fx": "y$"}),
        ({"a": "some-name-value"}, [Rule(source_labels=("a",), regex="some-([^-]+)-([^,]+)", target_label="${1}")],
         {"a": "some-name-value", "name": "name"}),
    ],
)  # fmt: skip
def test_actions(before: dict[str, str], rules: list[Rule], after: dict[str, str] | None) -> None:
    assert relabel(before, rules) == after
    assert before == dict(before)


@pytest.mark.parametrize(
    "text",
    [
        "{action: replace}", "{action: hashmod, target_label: a}", "{action: labeldrop, source_labels: [a]}",
        "{regex: '(', target_label: a}", "{action: shuffle, target_label: a}", "{action: keepequal, source_labels: [a], target_label: b, regex: x}",
        "{action: lowercase, source_labels: [a], target_label: b, replacement: x}", "{action: labelmap, replacement: ''}",
        "{action: hashmod, target_label: a, modulus: -1}", "{source_labels: [''], target_label: a}",
    ],
)  # fmt: skip
def test_a_bad_step_is_refused(text: str) -> None:
    with pytest.raises(DocumentError):
        convert(parse(text, "f.yml"), Rule)


def test_names_may_be_any_text_and_actions_be_written_in_capitals() -> None:
    rule = convert(parse("{action: Replace, source_labels: [a], target_label: x.y-1}", "f.yml"), Rule)
    assert relabel({"a": "b"}, [rule]) == {"a": "b", "x.y-1": "b"}
    assert rule.mistake(legacy=True) == "\"x.y-1\" is invalid 'target_label' for replace action"
