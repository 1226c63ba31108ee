"""Checking rule files: what promtool refuses is refused with file, line and reason; what it takes is taken."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from opsctl.core.errors import DocumentError
from opsctl.rules import check_file, check_text
from tests.rules.promtool import RULES, needs_promtool, needs_rules, opsctl, promtool

HEAD = "groups:\n- name: g\n  rules:\n"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("  - alert: a\n    expr: up)\n", 5, 'group "g", rule 1, "a": could not parse expression: 1:4: parse error'),
        ("  - alert: a\n    expr: up\n    labels: {a-b: c}\n", 6, "invalid label name: a-b"),
        ("  - alert: a\n    expr: up\n    labels: {__name__: c}\n", 6, "invalid label name: __name__"),
        ("  - alert: a\n    expr: up\n    annotations:\n      a-b: c\n", 7, "invalid annotation name: a-b"),
        ("  - alert: a\n    exp: up\n", 5, "unknown key (did you mean 'expr'?)"),
        ("  - alert: a\n    expr: up\n    fro: 5m\n", 6, "unknown key (did you mean 'for'?)"),
        ("  - alert: a\n", 4, "field 'expr' must be set in rule"),
        ("  - expr: up\n", 4, "one of 'record' or 'alert' must be set"),
        ("  - alert: a\n    record: b\n    expr: up\n", 5, "only one of 'record' and 'alert' must be set"),
        ("  - record: a-b\n    expr: up\n", 4, "invalid recording rule name: a-b"),
        ("  - record: a\n    expr: up\n    for: 5m\n", 6, "invalid field 'for' in recording rule"),
        ("  - record: a\n    expr: up\n    annotations: {a: b}\n", 6, "invalid field 'annotations'"),
        ("  - alert: a\n    expr: up\n    for: 5\n", 6, "not a valid duration string: '5'"),
        ("  - alert: a\n    expr: up\n    for: 5x\n", 6, "not a valid duration string"),
        ("  - alert: a\n    expr: up\n    labels:\n      x: '{{ nofn }}'\n", 7, 'function "nofn" not defined'),
        ("  - alert: a\n    expr: up\n    annotations:\n      x: '{{ $x }}'\n", 7, 'undefined variable "$x"'),
        ("  - alert: a\n    expr: holt_winters(up[5m], 0.1, 0.1)\n", 5, "unknown function"),
        ("- name: g\n  rules: []\n", 4, 'groupname: "g" is repeated in the same file'),
        ("- rules: []\n", 4, "Groupname must not be empty"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        check_text(HEAD + text, "rules.yml")
    assert any(p.line == line and message in str(p) for p in caught.value.problems), [
        str(p) for p in caught.value.problems
    ]


@pytest.mark.parametrize("text", ["", "groups:\n", "groups: []\n", "groups:\n- name: g\n"])
def test_an_empty_file_is_sound(text: str) -> None:
    assert check_text(text, "rules.yml").rules == 0


def test_every_field_is_understood() -> None:
    checked = check_text(
        "groups:\n- name: g\n  interval: 30s\n  limit: 5\n  query_offset: 1m\n  labels: {team: sre}\n  rules:\n"
        "  - record: job:up:sum\n    expr: |\n      # how many\n      sum by (job) (up)\n    labels: {n: 1, yes: true}\n"
        "  - alert: Down\n    expr: up == 0\n    for: 0\n    keep_firing_for: 5m\n    labels:\n    annotations:\n",
        "rules.yml",
    )
    group = checked.groups[0]
    assert (group.interval, group.limit, group.query_offset) == (30.0, 5, 60.0)
    assert dict(group.rules[0].labels) == {"team": "sre", "n": "1", "yes": "true"}
    assert group.rules[1].keep_firing_for == 300.0


@pytest.mark.parametrize("again", ["up", "up == 3"])
def test_a_rule_that_writes_the_same_series_again_is_only_a_lint(again: str) -> None:
    checked = check_text(HEAD + f"  - alert: a\n    expr: up\n  - alert: a\n    expr: {again}\n", "r.yml")
    assert [d.name for d in checked.duplicates] == ["a"]


DUPLICATES = HEAD + (
    "  - {alert: b, expr: up, labels: {z: '1', y: '2'}}\n  - {alert: b, expr: up == 2, labels: {y: '2', z: '1'}}\n"
    "  - {record: a, expr: up}\n  - {record: a, expr: up}\n  - {record: a, expr: up}\n"
)


@needs_promtool
@pytest.mark.parametrize(
    ("flags", "code"),
    [
        ([], 0), (["--lint-fatal"], 3), (["--lint=none", "--lint-fatal"], 0), (["--lint=all", "--lint-fatal"], 3),
    ],
)  # fmt: skip
def test_lint_says_and_exits_as_promtool(flags: list[str], code: int, tmp_path: Path) -> None:
    (tmp_path / "twice.yml").write_text(DUPLICATES)
    (tmp_path / "good.yml").write_text(HEAD + "  - {alert: a, expr: up}\n")
    theirs = promtool("check", "rules", *flags, "twice.yml", "good.yml", cwd=tmp_path)
    ours = opsctl("rules", "check", *flags, "twice.yml", "good.yml", cwd=tmp_path)
    assert (ours.returncode, ours.stdout, ours.stderr) == (theirs.returncode, theirs.stdout, theirs.stderr)
    assert ours.returncode == code


def test_an_unknown_lint_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "twice.yml").write_text(DUPLICATES)
    done = opsctl("rules", "check", "--lint=frills", "--lint-fatal", "twice.yml", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "WARNING: unknown lint option frills\n")


def test_a_bad_file_outweighs_lint(tmp_path: Path) -> None:
    (tmp_path / "twice.yml").write_text(DUPLICATES)
    (tmp_path / "bad.yml").write_text("groups: 1\n")
    assert opsctl("rules", "check", "--lint-fatal", "twice.yml", "bad.yml", cwd=tmp_path).returncode == 1


UNKNOWN = "x: 1\ngroups:\n- name: g\n  file: 2\n  rules:\n  - {alert: a, expr: up, labels: {own: b}, exprs: [1]}\n"


def test_unknown_fields_are_ignored_when_asked(tmp_path: Path) -> None:
    with pytest.raises(DocumentError):
        check_text(UNKNOWN, "r.yml")
    assert check_text(UNKNOWN, "r.yml", ignore_unknown=True).groups[0].rules[0].labels == {"own": "b"}
    with pytest.raises(DocumentError, match="could not parse"):
        check_text(UNKNOWN.replace("expr: up", "expr: up)"), "r.yml", ignore_unknown=True)
    (tmp_path / "r.yml").write_text(UNKNOWN)
    assert opsctl("rules", "check", "r.yml", cwd=tmp_path).returncode == 1
    assert opsctl("rules", "check", "--ignore-unknown-fields", "r.yml", cwd=tmp_path).returncode == 0


@needs_rules
def test_all_public_rule_files_pass() -> None:
    checked = [check_file(path) for path in sorted(RULES.glob("*/*.yml"))]
    assert (len(checked), sum(c.rules for c in checked)) == (56, 493)


def _edit(change: Callable[[dict[str, object]], object]) -> Callable[[Path], str]:
    def edited(path: Path) -> str:
        data = yaml.load(path.read_text(), yaml.CSafeLoader)
        change(next(rule for group in data["groups"] for rule in group["rules"] or []))
        return yaml.dump(data, Dumper=yaml.CSafeDumper)

    return edited


BREAKS: dict[str, Callable[[Path], str]] = {
    "expression": _edit(lambda r: r.update(expr=f"({r['expr']}")),
    "unknown function": _edit(lambda r: r.update(expr="frobnicate(up)")),
    "unknown field": _edit(lambda r: r.update(exprs="up")),
    "no expr": _edit(lambda r: r.pop("expr")),
    "duration": _edit(lambda r: r.update({"for": "5 minutes"})),
    "label name": _edit(lambda r: r.update(labels={"not-a-name": "x"})),
    "annotation name": _edit(lambda r: r.update(annotations={"not-a-name": "x"})),
    "template": _edit(lambda r: r.update(annotations={"summary": "{{ $labels.instance "})),
    "template function": _edit(lambda r: r.update(labels={"x": "{{ frobnicate }}"})),
    "alert and record": _edit(lambda r: r.update(record="a")),
    "not yaml": lambda path: path.read_text() + "\n  - [",
}


@needs_rules
@pytest.mark.parametrize("kind", BREAKS)
def test_broken_copies_of_public_files_are_refused(kind: str, tmp_path: Path) -> None:
    for path in sorted(RULES.glob("*/*.yml")):
        if "alert:" not in path.read_text():
            continue
        with pytest.raises(DocumentError):
            check_text(BREAKS[kind](path), path.name)


@needs_rules
@needs_promtool
def test_promtool_agrees(tmp_path: Path) -> None:
    """One sound file and each broken copy: the same exit code and the same line of praise."""
    path = sorted(RULES.glob("redis/*.yml"))[0]
    files = {"good.yml": path.read_text(), **{f"{k.replace(' ', '_')}.yml": BREAKS[k](path) for k in BREAKS}}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        assert (check_ok(tmp_path / name)) == (promtool("check", "rules", name, cwd=tmp_path).returncode == 0), name
    theirs, ours = (tool("good.yml", tmp_path) for tool in (_theirs, _ours))
    assert ours == theirs


def check_ok(path: Path) -> bool:
    try:
        check_file(path)
    except DocumentError:
        return False
    return True


def _theirs(name: str, cwd: Path) -> tuple[int, str]:
    done = promtool("check", "rules", name, cwd=cwd)
    return done.returncode, done.stdout


def _ours(name: str, cwd: Path) -> tuple[int, str]:
    done = opsctl("rules", "check", name, cwd=cwd)
    return done.returncode, done.stdout


def test_the_command_exits_1_and_names_the_place(tmp_path: Path) -> None:
    (tmp_path / "bad.yml").write_text(HEAD + "  - alert: a\n    expr: up)\n")
    done = opsctl("rules", "check", "bad.yml", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == "Checking bad.yml\n\n"
    assert "FAILED:\nbad.yml:5:" in done.stderr
    as_json = opsctl("rules", "check", "bad.yml", "--json", cwd=tmp_path)
    assert '"ok": false' in as_json.stdout


KEYS = st.sampled_from(
    ["groups", "name", "rules", "alert", "record", "expr", "for", "labels", "annotations", "limit", "x"]
)
VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-5, 5), st.text(max_size=5), st.sampled_from(["up", "5m", "{{ $x"])
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=60), VALUES.map(yaml.safe_dump),
                 VALUES.map(lambda v: yaml.safe_dump({"groups": [{"name": "g", "rules": v}]}))))  # fmt: skip
def test_any_text_is_sound_or_refused(text: str) -> None:
    with suppress(DocumentError):
        check_text(text, "rules.yml")
