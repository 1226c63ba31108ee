"""A Prometheus rule file as documents: frozen, every mistake with its line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from opsctl.core.document import Source, convert, document, parse, read
from opsctl.core.soundness import sound
from opsctl.model.duration import parse_duration


def _duration(value: Any) -> float:
    """`5m`; a bare number other than 0 is no duration, as in Prometheus."""
    return parse_duration(str(value))


def _text(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else value


Span = Annotated[float, BeforeValidator(_duration)]
Words = Annotated[str, BeforeValidator(_text)]


@document
class Rule:
    """A recording rule (`record`) or an alerting one (`alert`). Durations in seconds."""

    record: Words = ""
    alert: Words = ""
    expr: Words = ""
    for_: Annotated[Span, Field(alias="for")] = 0.0
    keep_firing_for: Span = 0.0
    labels: dict[str, Words] = field(default_factory=dict)
    annotations: dict[str, Words] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.alert or self.record

    @property
    def kind(self) -> Literal["alerting", "recording"]:
        return "alerting" if self.alert else "recording"


@document
class Group:
    """Rules evaluated one after the other. `interval` 0: the global one; `query_offset` None: the global one."""

    name: Words = ""
    interval: Span = 0.0
    limit: Annotated[int, Field(ge=-(2**63), lt=2**63)] = 0
    query_offset: Span | None = None
    labels: dict[str, Words] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    file: str = ""

    @property
    def key(self) -> str:
        """Which group this is, over reloads."""
        return f"{self.file};{self.name}"


@document
class RuleFile:
    """What one file holds."""

    groups: tuple[Group, ...] = ()


def read_rule_file(path: Path, ignore_unknown: bool = False) -> tuple[Source, RuleFile]:
    """The file's shape alone, not yet checked. Raises DocumentError."""
    return shaped(read(path), ignore_unknown)


def parse_rule_text(text: str, file: str, ignore_unknown: bool = False) -> tuple[Source, RuleFile]:
    return shaped(parse(text, file), ignore_unknown)


def shaped(source: Source, ignore_unknown: bool = False) -> tuple[Source, RuleFile]:
    """Converts parsed YAML; a group's labels are under those of its rules."""
    sound(source)
    if ignore_unknown:
        source = Source(source.file, _known(source.data, _FILE_KEYS), source.node)
    if isinstance(source.data, dict):
        _refuse_own_names(source)
    made = convert(Source(source.file, without_nulls(source.data), source.node), RuleFile)
    groups = tuple(_named(group, source.file) for group in made.groups)
    return source, replace(made, groups=groups)


_RULE_KEYS: Mapping[str, Any] = dict.fromkeys(
    ("record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations")
)
_GROUP_KEYS: Mapping[str, Any] = {
    **dict.fromkeys(("name", "interval", "limit", "query_offset", "labels")),
    "rules": _RULE_KEYS,
}
_FILE_KEYS: Mapping[str, Any] = {"groups": _GROUP_KEYS}


def _known(data: Any, keys: Mapping[str, Any] | None) -> Any:
    """The data without the fields that rule files do not have; what is below a field without keys is kept whole."""
    if isinstance(data, dict) and keys is not None:
        return {key: _known(value, keys[key]) for key, value in data.items() if key in keys}
    if isinstance(data, list):
        return [_known(each, keys) for each in data]
    return data


def _named(group: Group, file: str) -> Group:
    rules = tuple(replace(rule, labels={**group.labels, **rule.labels}) for rule in group.rules)
    return replace(group, file=file, rules=rules)


def without_nulls(data: Any) -> Any:
    """An empty value is the same as none, and an empty entry of a list is no entry, as Go reads them."""
    if isinstance(data, dict):
        return {k: without_nulls(v) for k, v in data.items() if v is not None}
    if isinstance(data, list):
        return [without_nulls(v) for v in data if v is not None]
    return data


def _refuse_own_names(source: Source) -> None:
    """`file` is a field of ours, not of rule files."""
    groups = source.data.get("groups")
    for place, group in enumerate(groups if isinstance(groups, list) else []):
        if isinstance(group, dict) and "file" in group:
            raise source.refuse(("groups", place, "file"), "unknown key")
