"""One alerting rule at one instant: inactive → pending → firing → resolved. Source: rules/alerting.go Eval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from opsctl.core.errors import OpsctlError
from opsctl.gotemplate import Functions
from opsctl.model.labels import METRIC_NAME, Labels
from opsctl.promql import Vector
from opsctl.rules.document import Rule
from opsctl.rules.expand import AlertData, expanded
from opsctl.rules.state import ActiveAlert

RESOLVED_RETENTION = 900.0


class RuleError(OpsctlError):
    """A rule's result cannot be used."""


def found_alerts(
    rule: Rule, vector: Vector, now: float, functions: Functions, external_labels: Mapping[str, str], external_url: str
) -> tuple[dict[Labels, ActiveAlert], list[str]]:
    """The alerts that the expression's result stands for, all pending since `now`, and template errors."""
    found: dict[Labels, ActiveAlert] = {}
    wrong: list[str] = []
    for metric, value in vector:
        data = AlertData(metric, external_labels, external_url, value)

        def fill(text: str, data: AlertData = data) -> str:
            made, error = expanded(text, rule.alert, data, functions)
            if error:
                wrong.append(error)
            return made

        own = {name: fill(text) for name, text in rule.labels.items()}
        labels = metric.merged({METRIC_NAME: "", **own, "alertname": rule.alert})
        if labels in found:
            raise RuleError("vector contains metrics with the same labelset after applying alert labels")
        annotations = Labels.with_empty({name: fill(text) for name, text in rule.annotations.items()})
        found[labels] = ActiveAlert(labels, annotations, value, "pending", now)
    return found, wrong


def next_alerts(
    rule: Rule, before: Mapping[Labels, ActiveAlert], found: Mapping[Labels, ActiveAlert], now: float
) -> dict[Labels, ActiveAlert]:
    """The rule's alerts after `now`, from those before and those that hold now."""
    after: dict[Labels, ActiveAlert] = {}
    for labels, alert in found.items():
        known = before.get(labels)
        if known is not None and known.state != "inactive":
            alert = replace(known, value=alert.value, annotations=alert.annotations, keep_firing_since=0.0)
        after[labels] = _promoted(rule, alert, now)
    for labels, alert in before.items():
        if labels not in found:
            kept = _ended(rule, alert, now)
            if kept is not None:
                after[labels] = kept
    return after


def _promoted(rule: Rule, alert: ActiveAlert, now: float) -> ActiveAlert:
    if alert.state == "pending" and now - alert.active_at >= rule.for_ - 1e-9:
        return replace(alert, state="firing", fired_at=now)
    return alert


def _ended(rule: Rule, alert: ActiveAlert, now: float) -> ActiveAlert | None:
    """An alert whose condition does not hold: gone, kept firing for a while, or resolved and remembered."""
    if alert.state == "firing" and rule.keep_firing_for > 0:
        since = alert.keep_firing_since or now
        if now - since < rule.keep_firing_for - 1e-9:
            return replace(alert, keep_firing_since=since)
    if alert.state == "pending" or (alert.resolved_at and now - alert.resolved_at > RESOLVED_RETENTION):
        return None
    if alert.state != "inactive":
        return replace(alert, state="inactive", resolved_at=now)
    return alert
