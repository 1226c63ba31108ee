"""What a group remembers between evaluations: its alerts, and the series it wrote last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from opsctl.model.labels import Labels
from opsctl.rules.document import Group

AlertState = Literal["inactive", "pending", "firing"]
FORMAT = 1


@dataclass(frozen=True)
class ActiveAlert:
    """An alert of one rule. Times in epoch seconds, 0 where there is none; inactive ones are kept a while as resolved."""

    labels: Labels
    annotations: Labels
    value: float
    state: AlertState
    active_at: float
    fired_at: float = 0.0
    resolved_at: float = 0.0
    keep_firing_since: float = 0.0
    sent_at: float = 0.0


@dataclass(frozen=True)
class RuleState:
    """`active`: this rule's alerts by their labels; `written`: the series of its last evaluation."""

    active: Mapping[Labels, ActiveAlert] = field(default_factory=dict)
    written: frozenset[Labels] = frozenset()


@dataclass(frozen=True)
class GroupState:
    """A rule's state by the rule's key, so that a reload keeps what is still there."""

    rules: Mapping[str, RuleState] = field(default_factory=dict)

    def of(self, key: str) -> RuleState:
        return self.rules.get(key, RuleState())


def rule_keys(group: Group) -> Sequence[str]:
    """Which rule is which over reloads: kind, name and labels; equal ones are numbered."""
    seen: dict[str, int] = {}
    keys = []
    for rule in group.rules:
        base = f"{rule.kind}/{rule.name}/{sorted(rule.labels.items())}"
        seen[base] = seen.get(base, 0) + 1
        keys.append(f"{base}#{seen[base]}")
    return keys


def abandoned(group: Group, state: GroupState) -> frozenset[Labels]:
    """The series that rules wrote which the group no longer has: they want a staleness marker."""
    keys = set(rule_keys(group))
    return frozenset(labels for key, rule in state.rules.items() if key not in keys for labels in rule.written)


def dump_state(states: Mapping[str, GroupState]) -> dict[str, Any]:
    """All groups' alerts as JSON data, by group key; small: what is inactive is left out."""
    groups: dict[str, Any] = {}
    for key, state in states.items():
        rules = {k: [_dumped(a) for a in s.active.values() if a.state != "inactive"] for k, s in state.rules.items()}
        groups[key] = {k: alerts for k, alerts in rules.items() if alerts}
    return {"format": FORMAT, "groups": {k: rules for k, rules in groups.items() if rules}}


def load_state(data: Mapping[str, Any]) -> dict[str, GroupState]:
    """What dump_state wrote; anything else gives no state. Written series are not remembered."""
    if data.get("format") != FORMAT:
        return {}
    found = {}
    for key, rules in data["groups"].items():
        active = {k: RuleState({a.labels: a for a in map(_loaded, alerts)}) for k, alerts in rules.items()}
        found[key] = GroupState(active)
    return found


def _dumped(alert: ActiveAlert) -> dict[str, Any]:
    return {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "value": repr(alert.value),
        "state": alert.state,
        "active_at": alert.active_at,
        "fired_at": alert.fired_at,
        "keep_firing_since": alert.keep_firing_since,
        "sent_at": alert.sent_at,
    }


def _loaded(data: Mapping[str, Any]) -> ActiveAlert:
    return ActiveAlert(
        labels=Labels(data["labels"]),
        annotations=Labels.with_empty(data["annotations"]),
        value=float(data["value"]),
        state=data["state"],
        active_at=data["active_at"],
        fired_at=data["fired_at"],
        keep_firing_since=data["keep_firing_since"],
        sent_at=data["sent_at"],
    )
