"""Inhibition: while a source alert fires, its targets are not notified."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain

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
    """One rule's source alerts, by the values of its equal labels; `chosen`: the one that is named first."""

    rule: InhibitRule
    by_equal: dict[tuple[str, ...], dict[str, Alert]] = field(default_factory=dict)
    chosen: dict[tuple[str, ...], str] = field(default_factory=dict)

    def see(self, alert: Alert) -> bool:
        """Takes note; returns whether it is new."""
        key, fingerprint = self.rule.same(alert.labels), alert.fingerprint
        found = self.by_equal.setdefault(key, {})
        first = found.get(self.chosen.get(key, ""))
        if first is None or _end(first) <= _end(alert):
            self.chosen[key] = fingerprint
        new = fingerprint not in found
        found[fingerprint] = alert
        return new

    def forget(self, alert: Alert) -> None:
        key = self.rule.same(alert.labels)
        found = self.by_equal.get(key, {})
        found.pop(alert.fingerprint, None)
        if not found:
            self.by_equal.pop(key, None)
            self.chosen.pop(key, None)

    def inhibiting(self, labels: Labels, now: float) -> str:
        """The fingerprint of a firing source with the same equal labels, or ''."""
        key = self.rule.same(labels)
        found = self.by_equal.get(key)
        if not found:
            return ""
        # An alert on both sides must not be muted by itself or its like.
        two_sided = matches_all(self.rule.source, labels)
        for fingerprint in chain((self.chosen[key],), found):
            source = found.get(fingerprint)
            if source is None or source.resolved(now):
                continue
            if not (two_sided and matches_all(self.rule.target, source.labels)):
                return fingerprint
        return ""


def _end(alert: Alert) -> float:
    return float("inf") if alert.ends_at is None else alert.ends_at


class Inhibitor:
    """Knows the source alerts of every rule; told of each alert as it comes. Source: alertmanager inhibit."""

    def __init__(self, rules: Sequence[InhibitRule], alerts: Iterable[Alert] = ()) -> None:
        self._rules = tuple(_Sources(r) for r in rules)
        self.version = 0  # another after each new source alert
        for alert in alerts:
            self.see(alert)

    def see(self, alert: Alert) -> None:
        """Takes note of an alert that is new, changed or resolved."""
        for each in self._rules:
            if matches_all(each.rule.source, alert.labels) and each.see(alert):
                self.version += 1

    def forget(self, alert: Alert) -> None:
        """Drops an alert that has left the store."""
        for each in self._rules:
            if matches_all(each.rule.source, alert.labels):
                each.forget(alert)

    def inhibited_by(self, labels: Labels, now: float) -> tuple[str, ...]:
        """The fingerprint of the alert that mutes this label set by the first rule that does, or nothing."""
        for each in self._rules:
            if matches_all(each.rule.target, labels) and (found := each.inhibiting(labels, now)):
                return (found,)
        return ()
