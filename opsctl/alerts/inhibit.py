"""Inhibition: while a source alert fires, its targets are not notified."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from opsctl.model.alert import Alert
from opsctl.model.labels import Labels
from opsctl.model.matcher import Matcher, matches_all


@dataclass(frozen=True, kw_only=True)
class InhibitRule:
    """Source alerts mute target alerts whose `equal` labels have the same values."""

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()
    name: str = ""

    def same(self, labels: Labels) -> tuple[str, ...]:
        return tuple(labels.get(name, "") for name in self.equal)


@dataclass
class _Sources:
    """One rule's source alerts, by the values of its equal labels."""

    rule: InhibitRule
    by_equal: dict[tuple[str, ...], dict[str, Alert]] = field(default_factory=dict)


class Inhibitor:
    """Knows the source alerts of every rule; told of each alert as it comes. Source: alertmanager inhibit."""

    def __init__(self, rules: Sequence[InhibitRule], alerts: Iterable[Alert] = ()) -> None:
        self._rules = tuple(_Sources(r) for r in rules)
        for alert in alerts:
            self.see(alert)

    def see(self, alert: Alert) -> None:
        """Takes note of an alert that is new, changed or resolved."""
        for each in self._rules:
            if matches_all(each.rule.source, alert.labels):
                each.by_equal.setdefault(each.rule.same(alert.labels), {})[alert.fingerprint] = alert

    def forget(self, alert: Alert) -> None:
        """Drops an alert that has left the store."""
        for each in self._rules:
            if matches_all(each.rule.source, alert.labels):
                key = each.rule.same(alert.labels)
                found = each.by_equal.get(key, {})
                found.pop(alert.fingerprint, None)
                if not found:
                    each.by_equal.pop(key, None)

    def inhibited_by(self, labels: Labels, now: float) -> tuple[str, ...]:
        """Fingerprints of the alerts that mute this label set, one a rule at most."""
        found = (self._by(each, labels, now) for each in self._rules if matches_all(each.rule.target, labels))
        return tuple(dict.fromkeys(f for f in found if f))

    @staticmethod
    def _by(each: _Sources, labels: Labels, now: float) -> str:
        sources = each.by_equal.get(each.rule.same(labels))
        if not sources:
            return ""
        # An alert on both sides must not be muted by itself or its like.
        two_sided = matches_all(each.rule.source, labels)
        for fingerprint, source in sources.items():
            if not source.resolved(now) and not (two_sided and matches_all(each.rule.target, source.labels)):
                return fingerprint
        return ""
