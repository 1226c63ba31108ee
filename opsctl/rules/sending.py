"""Which alerts go to the Alertmanagers now. Source: rules/alerting.go needsSending, sendAlerts."""

from __future__ import annotations

from dataclasses import replace

from opsctl.model.alert import Alert
from opsctl.rules.document import Group, Rule
from opsctl.rules.functions import table_link
from opsctl.rules.state import ActiveAlert, GroupState, rule_keys

RESEND_DELAY = 60.0


def due_alerts(
    group: Group,
    state: GroupState,
    now: float,
    interval: float,
    external_url: str = "",
    resend_delay: float = RESEND_DELAY,
) -> tuple[tuple[Alert, ...], GroupState]:
    """New, changed and long unsent alerts, and the state that remembers that they were sent."""
    due: list[Alert] = []
    rules = dict(state.rules)
    for rule, key in zip(group.rules, rule_keys(group), strict=True):
        active = dict(state.of(key).active)
        for labels, alert in active.items():
            if _needs_sending(alert, now, resend_delay):
                active[labels] = replace(alert, sent_at=now)
                due.append(outgoing(rule, alert, now + 4 * max(interval, resend_delay), now, external_url))
        if key in rules:
            rules[key] = replace(rules[key], active=active)
    return tuple(due), GroupState(rules)


def _needs_sending(alert: ActiveAlert, now: float, resend_delay: float) -> bool:
    if alert.state == "pending":
        return False
    return alert.resolved_at > alert.sent_at or alert.sent_at + resend_delay < now


def outgoing(rule: Rule, alert: ActiveAlert, valid_until: float, now: float, external_url: str) -> Alert:
    """The alert as Alertmanager takes it: ended when resolved, else valid until the next few sendings."""
    return Alert(
        labels=alert.labels,
        annotations=alert.annotations,
        starts_at=alert.fired_at or alert.active_at,
        ends_at=alert.resolved_at or valid_until,
        updated_at=now,
        generator_url=external_url.rstrip("/") + table_link(rule.expr),
    )
