"""The checks of `promtool check rules`: what a rule file must be before it is evaluated.

Source: model/rulefmt (RuleGroups.Validate, Rule.Validate), cmd/promtool checkDuplicates.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from opsctl.core.document import Source
from opsctl.core.errors import DocumentError, Problem
from opsctl.gotemplate import TemplateError
from opsctl.model.labels import METRIC_NAME
from opsctl.promql import PromqlError, parse
from opsctl.rules.document import Group, Rule, RuleFile, parse_rule_text, read_rule_file
from opsctl.rules.expand import parse_template

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
Place = tuple[int | str, ...]


@dataclass(frozen=True)
class Duplicate:
    """Two rules that would write the same series: odd, but allowed."""

    name: str
    labels: dict[str, str]


@dataclass(frozen=True)
class Checked:
    """A sound file: its groups, how many rules, and what is odd but allowed."""

    file: str
    groups: tuple[Group, ...]
    rules: int
    duplicates: tuple[Duplicate, ...]


def check_file(path: Path, ignore_unknown: bool = False) -> Checked:
    """Reads and checks a rule file; unknown fields are mistakes unless ignored. Raises DocumentError with every one."""
    return _checked(*read_rule_file(path, ignore_unknown))


def check_text(text: str, file: str, ignore_unknown: bool = False) -> Checked:
    """As check_file, for a text in hand."""
    return _checked(*parse_rule_text(text, file, ignore_unknown))


def load_rules(path: Path) -> tuple[Group, ...]:
    """The groups of a rule file. Raises DocumentError with every mistake."""
    return check_file(path).groups


def _checked(source: Source, file: RuleFile) -> Checked:
    problems = list(_problems(source, file))
    if problems:
        raise DocumentError(problems)
    count = sum(len(group.rules) for group in file.groups)
    return Checked(source.file, file.groups, count, tuple(_duplicates(file)))


def _problems(source: Source, file: RuleFile) -> Iterator[Problem]:
    names: set[str] = set()
    for g, group in enumerate(file.groups):
        place: Place = ("groups", g)
        if not group.name:
            yield source.problem(place, "Groupname must not be empty")
        elif group.name in names:
            yield source.problem((*place, "name"), f'groupname: "{group.name}" is repeated in the same file')
        names.add(group.name)
        for label in group.labels:
            if not _sound_label(label):
                yield source.problem((*place, "labels", label), f"invalid label name: {label}")
        for r, rule in enumerate(group.rules):
            head = f'group "{group.name}", rule {r + 1}, "{rule.name}"'
            for where, message in _rule_problems(rule):
                found = source.problem((*place, "rules", r, *where), "")
                yield Problem(found.file, found.line, "", f"{head}: {message}")


def _rule_problems(rule: Rule) -> Iterator[tuple[Place, str]]:
    if rule.record and rule.alert:
        yield ("record",), "only one of 'record' and 'alert' must be set"
    if not rule.name:
        yield (), "one of 'record' or 'alert' must be set"
    if not rule.expr:
        yield (), "field 'expr' must be set in rule"
    else:
        yield from _expression(rule)
    if rule.record:
        yield from _recording(rule)
    for label in rule.labels:
        if not _sound_label(label):
            yield ("labels", label), f"invalid label name: {label}"
    for name in rule.annotations:
        if not _LABEL.fullmatch(name):
            yield ("annotations", name), f"invalid annotation name: {name}"
    if rule.alert:
        yield from _templates(rule)


def _expression(rule: Rule) -> Iterator[tuple[Place, str]]:
    try:
        parse(rule.expr)
    except PromqlError as error:
        yield ("expr",), f"could not parse expression: {error.message}"


def _recording(rule: Rule) -> Iterator[tuple[Place, str]]:
    if rule.annotations:
        yield ("annotations",), "invalid field 'annotations' in recording rule"
    if rule.for_:
        yield ("for",), "invalid field 'for' in recording rule"
    if rule.keep_firing_for:
        yield ("keep_firing_for",), "invalid field 'keep_firing_for' in recording rule"
    if not _METRIC.fullmatch(rule.record):
        yield ("record",), f"invalid recording rule name: {rule.record}"


def _sound_label(name: str) -> bool:
    return name != METRIC_NAME and _LABEL.fullmatch(name) is not None


def _templates(rule: Rule) -> Iterator[tuple[Place, str]]:
    for kind, key, texts in (("label", "labels", rule.labels), ("annotation", "annotations", rule.annotations)):
        for name, text in texts.items():
            try:
                parse_template(text, rule.alert)
            except TemplateError as error:
                yield (key, name), f'{kind} "{name}": {error.message}'


def _duplicates(file: RuleFile) -> list[Duplicate]:
    """Each once, in the order of names and labels, as promtool lists them."""
    seen = Counter((rule.name, tuple(sorted(rule.labels.items()))) for group in file.groups for rule in group.rules)
    return [Duplicate(name, dict(labels)) for (name, labels), times in sorted(seen.items()) if times > 1]
