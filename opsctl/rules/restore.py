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


def restored_state(
    group: Group, querier: Querier, now: float, tolerance: float = OUTAGE_TOLERANCE, grace: float = 0.0
) -> GroupState:
    """What was pending or firing when the process ended, if that is no longer ago than `tolerance` seconds.

    A pending alert's waiting goes on where it stopped: the time of the outage does not count; but it waits `grace`
    seconds at least, and one that waits less altogether begins anew.
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
        waited = labels in firing or at - since >= rule.for_
        if labels not in firing and rule.for_ < grace:
            continue
        active_at = since if waited else max(since + (now - at), now + grace - rule.for_)
        state = "firing" if labels in firing else "pending"
        found.append(ActiveAlert(labels, Labels(), 0.0, state, active_at, since if labels in firing else 0.0))  # type: ignore[arg-type]
    return found


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
