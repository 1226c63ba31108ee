"""Kinds of damage that a rule file can suffer; each changes one rule or group, chosen by the given generator."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import yaml

Document = dict[str, Any]
Damage = Callable[[Document, random.Random], object]


def damaged(text: str, kind: str, chance: random.Random) -> str:
    """The rule file with damage of a kind. Written with an own line for each key, in the order of the original."""
    data = yaml.load(text, yaml.CSafeLoader)
    KINDS[kind](data, chance)
    return yaml.dump(data, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True)


def _group(data: Document, chance: random.Random) -> Document:
    found: Document = chance.choice(data["groups"])
    return found


def _rules(data: Document) -> list[Document]:
    return [rule for group in data["groups"] for rule in group["rules"] or []]


def _rule(change: Callable[[Document, random.Random], object]) -> Damage:
    return lambda data, chance: change(chance.choice(_rules(data)), chance)


def _set(**fields: Any) -> Damage:
    named = {name.rstrip("_"): value for name, value in fields.items()}
    return _rule(lambda rule, _: rule.update(copy.deepcopy(named)))


def _recording(**fields: Any) -> Damage:
    def change(rule: Document, _: random.Random) -> None:
        expr = rule["expr"]
        rule.clear()
        rule.update({"record": "a:b", "expr": expr, **{name.rstrip("_"): value for name, value in fields.items()}})

    return _rule(change)


def _cut(rule: Document, chance: random.Random) -> None:
    """The expression's end is lost, or one of its brackets."""
    places = [place for place, char in enumerate(rule["expr"]) if char in "()[]{}"]
    if places and chance.random() < 0.5:
        place = chance.choice(places)
        rule["expr"] = rule["expr"][:place] + rule["expr"][place + 1 :]
    else:
        rule["expr"] = rule["expr"].rstrip() + chance.choice((")", " +", " and", "[5m", " by (", "}", " offset", " =="))


def _twice(change: Callable[[Document], object]) -> Damage:
    def repeat(data: Document, chance: random.Random) -> None:
        group = chance.choice([group for group in data["groups"] if group["rules"]])
        again = copy.deepcopy(chance.choice(group["rules"]))
        change(again)
        group["rules"].append(again)

    return repeat


KINDS: dict[str, Damage] = {
    "none": lambda data, _: None,
    "expression": _rule(_cut),
    "unknown function": _rule(lambda rule, _: rule.update(expr=f"frobnicate({rule['expr']})")),
    "wrong type": _rule(lambda rule, _: rule.update(expr=f"rate({rule['expr'].strip()} > 1)")),
    "unknown field of a rule": _set(exprs="up"),
    "unknown field of a group": lambda data, chance: _group(data, chance).update(intervall="1m"),
    "unknown field of the file": lambda data, _: data.update(group=[]),
    "no expr": _rule(lambda rule, _: rule.pop("expr")),
    "empty expr": _set(expr=""),
    "no name": _rule(lambda rule, _: rule.pop("alert", rule.pop("record", None))),
    "rule twice": _twice(lambda rule: None),
    "rule twice, another expression": _twice(lambda rule: rule.update(expr="vector(1)")),
    "duration in words": _set(for_="5 minutes"),
    "duration without unit": _set(for_=5),
    "duration of wrong order": _set(for_="5s1m"),
    "negative duration": _set(for_="-5m"),
    "long duration": _set(for_="1y2w3d4h5m6s7ms"),
    "duration of nothing": _set(for_=""),
    "interval": lambda data, chance: _group(data, chance).update(interval="1minute"),
    "limit": lambda data, chance: _group(data, chance).update(limit="many"),
    "keep_firing_for": _set(keep_firing_for="soon"),
    "label name": _set(labels={"not-a-name": "x"}),
    "label name of a metric": _set(labels={"__name__": "x"}),
    "label name with a colon": _set(labels={"a:b": "x"}),
    "labels as a list": _set(labels=["a", "b"]),
    "label with a list": _set(labels={"a": ["b"]}),
    "label with a number": _set(labels={"a": 5, "b": True, "c": 1.5}),
    "label with nothing": _set(labels={"a": None}),
    "annotation name": _set(annotations={"not-a-name": "x"}),
    "template that is not closed": _set(annotations={"summary": "{{ $labels.instance "}),
    "template function": _set(labels={"x": "{{ frobnicate }}"}),
    "template variable": _set(annotations={"summary": "{{ $nothing }}"}),
    "template without end": _set(annotations={"summary": "{{ if $value }}high"}),
    "template that is sound": _set(annotations={"summary": '{{ with query "up" }}{{ . | first | value }}{{ end }}'}),
    "template of another name": _set(annotations={"summary": '{{ template "nothing" . }}'}),
    "alert and record": _set(alert="a", record="b"),
    "record": _recording(),
    "record with for": _recording(for_="5m"),
    "record with keep_firing_for": _recording(keep_firing_for="5m"),
    "record with annotations": _recording(annotations={"a": "b"}),
    "record with a template": _recording(labels={"a": "{{ frobnicate }}"}),
    "metric name": _recording(record="not-a-name"),
    "metric name that begins with a digit": _recording(record="5xx"),
    "group twice": lambda data, chance: data["groups"].append(copy.deepcopy(_group(data, chance))),
    "group without name": lambda data, chance: _group(data, chance).pop("name"),
    "group without rules": lambda data, chance: _group(data, chance).pop("rules"),
    "groups as a map": lambda data, _: data.update(groups={"name": "g", "rules": []}),
    "rules as a text": lambda data, chance: _group(data, chance).update(rules="none"),
    "empty rule": lambda data, chance: (_group(data, chance)["rules"] or []).append(None),
    "empty group": lambda data, _: data["groups"].append(None),
    "number as name": _rule(lambda rule, _: rule.update({"record" if "record" in rule else "alert": 5})),
}
