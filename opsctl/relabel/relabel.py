"""Applies relabelling steps to a label set. Source: prometheus model/relabel."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from opsctl.relabel.rule import Rule

Labels = dict[str, str]
_REFERENCE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})")


def relabel(labels: Mapping[str, str], rules: Iterable[Rule]) -> Labels | None:
    """The labels after every step, or None when a step drops them. Empty values are removed."""
    current: Labels | None = {name: value for name, value in labels.items() if value}
    for rule in rules:
        assert current is not None
        current = _ACTIONS[rule.action](rule, current)
        if current is None:
            return None
    return current


def _joined(rule: Rule, labels: Labels) -> str:
    return rule.separator.join(labels.get(name, "") for name in rule.source_labels)


def _set(labels: Labels, name: str, value: str) -> Labels:
    if value:
        labels[name] = value
    else:
        labels.pop(name, None)
    return labels


def expand(template: str, match: Any) -> str:
    """Fills `$1`, `${1}`, `$name` from a match as Go's regexp.Expand does; unknown ones are empty."""

    def fill(reference: re.Match[str]) -> str:
        if reference[1]:
            return "$"
        name = reference[2] or reference[3]
        try:
            return match.group(int(name) if name.isdigit() else name) or ""
        except (IndexError, KeyError):
            return ""

    return _REFERENCE.sub(fill, template)


def _replace(rule: Rule, labels: Labels) -> Labels:
    match = rule.pattern.fullmatch(_joined(rule, labels))
    if match is None:
        return labels
    target = expand(rule.target_label, match)
    return _set(labels, target, expand(rule.replacement, match)) if target else labels


def _keep(rule: Rule, labels: Labels) -> Labels | None:
    return labels if rule.pattern.fullmatch(_joined(rule, labels)) else None


def _drop(rule: Rule, labels: Labels) -> Labels | None:
    return None if rule.pattern.fullmatch(_joined(rule, labels)) else labels


def _keepequal(rule: Rule, labels: Labels) -> Labels | None:
    return labels if _joined(rule, labels) == labels.get(rule.target_label, "") else None


def _dropequal(rule: Rule, labels: Labels) -> Labels | None:
    return None if _joined(rule, labels) == labels.get(rule.target_label, "") else labels


def _hashmod(rule: Rule, labels: Labels) -> Labels:
    digest = hashlib.md5(_joined(rule, labels).encode(), usedforsecurity=False).digest()
    return _set(labels, rule.target_label, str(int.from_bytes(digest[8:], "big") % rule.modulus))


def _labelmap(rule: Rule, labels: Labels) -> Labels:
    for name, value in list(labels.items()):
        match = rule.pattern.fullmatch(name)
        if match is not None:
            _set(labels, expand(rule.replacement, match), value)
    return labels


def _labeldrop(rule: Rule, labels: Labels) -> Labels:
    return {name: value for name, value in labels.items() if not rule.pattern.fullmatch(name)}


def _labelkeep(rule: Rule, labels: Labels) -> Labels:
    return {name: value for name, value in labels.items() if rule.pattern.fullmatch(name)}


def _lowercase(rule: Rule, labels: Labels) -> Labels:
    return _set(labels, rule.target_label, _joined(rule, labels).lower())


def _uppercase(rule: Rule, labels: Labels) -> Labels:
    return _set(labels, rule.target_label, _joined(rule, labels).upper())


_ACTIONS: dict[str, Callable[[Rule, Labels], Labels | None]] = {
    "replace": _replace, "keep": _keep, "drop": _drop, "keepequal": _keepequal, "dropequal": _dropequal,
    "hashmod": _hashmod, "labelmap": _labelmap, "labeldrop": _labeldrop, "labelkeep": _labelkeep,
    "lowercase": _lowercase, "uppercase": _uppercase,
}  # fmt: skip
