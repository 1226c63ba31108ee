"""Any bytes as a rule file: sound, or refused by name, and soon."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsctl.core.errors import DocumentError
from opsctl.rules import check_file, check_text
from opsctl.rules.testfile import load_test_file

GOOD = r"""
groups:
- name: example
  interval: 30s
  limit: 10
  labels: {team: sre}
  rules:
  - record: job:up:sum
    expr: sum by (job) (up{job=~"a|b", instance!=""})
  - alert: Down
    expr: |
      # a remark
      rate(errors_total[5m] offset 1m) / 2 > 1e-3 and on (job) absent(up == 0)
    for: 5m
    keep_firing_for: 1h30m
    labels: {severity: '{{ if gt $value 1.0 }}page{{ else }}"ticket"{{ end }}'}
    annotations:
      summary: "{{ $labels.job | toUpper }} {{ printf \"%.2f\" $value }} {{ range query \"up\" }}{{ .Value }}{{ end }}"
"""
HEAD = "groups:\n- name: g\n  rules:\n"
RULE = HEAD + "  - {alert: a, expr: up"
_TOKENS = [
    "{{", "}}", "{", "}", "[", "]", "(", ")", "&a ", "*a", "<<: *a", "\0", "\t", "\ufeff", "'", '"', "\\ud800", "\\", "|",
    "~", "null", ".nan", "-1", "1e999", "---\n", "# ", "- ", ": ", "\r", "\x85", "\u2028", "é", "🦆", "?", "% ", "0x", "{{end}}",
]  # fmt: skip


def bomb(levels: int) -> str:
    """Nine times as many values a level."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)]
    return "\n".join([*lines, f"groups: *a{levels - 1}\n"])


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (bomb(12), "the aliases make more than 2000000 values"),
        ("groups: &a [*a]\n", "an alias contains itself"),
        ("groups:\n- &a {name: g, labels: {x: *a}}\n", "an alias contains itself"),
        ("groups: " + "[" * 3000 + "]" * 3000, "maximum recursion depth"),
        ("groups: " + "{a: " * 2000 + "}" * 2000, "maximum recursion depth"),
        ("groups:\0\n", "unacceptable character #x0000"),
        ("groups:\n\t- name: g\n", "cannot start any token"),
        ("groups: []\ngroups: []\n", "the key 'groups' stands here twice"),
        ("? [a, b]\n: c\n", "unhashable key"),
        ("1: 2\n", "unknown key"),
        ("groups: !!python/object/apply:os.system ['x']\n", "could not determine a constructor"),
        ('groups:\n- name: "\\ud800"\n', "half of a character: \\ud800"),
        ('groups:\n- name: g\n  labels: {"\\udfff": x}\n', "half of a character: \\udfff"),
        (RULE + f", for: {'9' * 400}y}}\n", "not a valid duration string"),
        (RULE + ", for: 300y}\n", "duration out of range"),
        (RULE + ", for: 1.5}\n", "not a valid duration string"),
        (RULE + ", for: .nan}\n", "not a valid duration string"),
        (RULE + ', for: "5m\\n"}\n', "not a valid duration string"),
        (RULE + ", for: ٥m}\n", "not a valid duration string"),
        ("groups:\n- {name: g, limit: " + "9" * 5000 + "}\n", "Exceeds the limit (4300 digits)"),
        ("groups:\n- {name: g, limit: 0x" + "f" * 300 + "}\n", "groups[0].limit"),
        (HEAD + "  - {alert: a, expr: '" + "(" * 5000 + "up" + ")" * 5000 + "'}\n", "more than 200 brackets"),
        (HEAD + "  - {alert: a, expr: '" + "up + " * 5000 + "up'}\n", "too many parts"),
        (RULE + ", annotations: {x: '" + "{{ if 1 }}" * 3000 + "'}}\n", "more than 50 blocks"),
        (RULE + ", annotations: {x: '{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}'}}\n", "more than 50 parentheses"),
    ],
)  # fmt: skip
def test_each_trick_is_named(text: str, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        check_text(text, "rules.yml")
    assert message in "\n".join(str(problem) for problem in caught.value.problems)


def test_a_byte_order_mark_is_passed_over() -> None:
    assert check_text("\ufeff" + GOOD, "rules.yml").rules == 2


def test_aliases_of_a_sane_size_are_fine() -> None:
    text = "groups:\n- name: g\n  rules:\n  - &r {alert: a, expr: up, labels: &l {x: y}}\n  - {<<: *r, alert: b, labels: *l}\n"
    assert [rule.labels for rule in check_text(text, "rules.yml").groups[0].rules] == [{"x": "y"}] * 2


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = _written(tmp_path_factory, data)
    with suppress(DocumentError):
        check_file(path)
    with suppress(DocumentError):
        load_test_file(path)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_good_file_with_changes(data: st.DataObject) -> None:
    text = GOOD
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        gone = data.draw(st.integers(0, 12))
        text = text[:at] + data.draw(st.one_of(st.sampled_from(_TOKENS), st.text(max_size=3))) + text[at + gone :]
    with suppress(DocumentError):
        check_text(text, "rules.yml")
    with suppress(DocumentError):
        check_text(text, "rules.yml", ignore_unknown=True)


def _written(factory: pytest.TempPathFactory, data: bytes) -> Path:
    path = factory.getbasetemp() / "any.yml"
    path.write_bytes(data)
    return path
