"""A group's alerts after a restart, read from ALERTS_FOR_STATE. Source: rules/group.go RestoreForState."""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.model.labels import METRIC_NAME, Labels
from opsctl.model.matcher import Matcher
from opsctl.model.series import Querier, is_stale
from opsctl.rules.document import Group, Rule
from opsctl.rules.evaluate import ALERTS, FOR_STATE
from opsctl.rules.state import ActiveAlert, GroupState, RuleState, rule_keys

OUTAGE_TOLERANCE = 3600.0
GRACE_PERIOD = 600.0
"""Prometheus' --rules.alert.for-outage-tolerance and --rules.alert.for-grace-period."""


def restored_state(
    group: Group, querier: Querier, now: float, tolerance: float = OUTAGE_TOLERANCE, grace: float = 0.0
) -> GroupState:
    """What was pending or firing when the process ended, if that is no longer ago than `tolerance` seconds.

    A pending alert's waiting goes on where it stopped: the time of the outage does not count. One that would fire
    within `grace` seconds waits that long, so that what ended meanwhile is seen first; a rule that holds for less
    than that waits afresh. What was firing stays so whatever the grace, since its end has to be told.
    """
    rules = {}
    for rule, key in zip(group.rules, rule_keys(group), strict=True):
        if rule.alert:
            active = _alerts(rule, querier, now, tolerance, grace)
            if active:
                rules[key] = RuleState({alert.labels: alert for alert in active})
    return GroupState(rules)


def _alerts(rule: Rule, querier: Querier, now: float, tolerance: float, grace: float) -> list[ActiveAlert]:
    firing = {
        labels.without(("alertstate",))
        for labels, _, _ in _last(querier, ALERTS, rule, now, tolerance)
        if labels.get("alertstate") == "firing"
    }
    found = []
    for labels, at, since in _last(querier, FOR_STATE, rule, now, tolerance):
        if labels in firing:
            found.append(ActiveAlert(labels, Labels(), 0.0, "firing", since, since))
        elif rule.for_ >= grace:
            found.append(ActiveAlert(labels, Labels(), 0.0, "pending", _waiting_since(rule, now, at, since, grace)))
    return found


def _waiting_since(rule: Rule, now: float, at: float, since: float, grace: float) -> float:
    """When the waiting began, as if the process had stood still since its last word at `at`."""
    remaining = rule.for_ - (at - since)
    if remaining <= 0:
        return since
    if remaining < grace:
        return now + grace - rule.for_
    return since + (now - at)


def _last(
    querier: Querier, name: str, rule: Rule, now: float, tolerance: float
) -> Sequence[tuple[Labels, float, float]]:
    """The last sample of each of the rule's series: (labels without the name, its time, its value)."""
    matchers = [Matcher(METRIC_NAME, "=", name), Matcher("alertname", "=", rule.alert)]
    matchers += [Matcher(k, "=", v) for k, v in rule.labels.items() if "{{" not in v]
    found = []
    for series in querier.select(matchers, round((now - tolerance) * 1000), round(now * 1000)):
        if len(series.times) and not is_stale(series.values[-1:])[0]:
            labels = series.labels.without((METRIC_NAME,))
            found.append((labels, float(series.times[-1]) / 1000, float(series.values[-1])))
    return found
