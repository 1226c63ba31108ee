"""Alerts after a restart, against the three cases of Prometheus' RestoreForState."""

from __future__ import annotations

import pytest

from opsctl.rules import Group, check_text, evaluate_group, restored_state
from opsctl.rules.restore import GRACE_PERIOD, OUTAGE_TOLERANCE
from opsctl.rules.state import ActiveAlert
from tests.promql.memory import Memory

MINUTE = 60.0


def group(for_: str) -> Group:
    return check_text(f"groups:\n- name: g\n  rules:\n  - {{alert: A, expr: m == 1, for: {for_}}}\n", "r").groups[0]


def restored(
    for_: str, since: int, minutes: int, state: str, now: float, grace: float = GRACE_PERIOD
) -> list[ActiveAlert]:
    """What is left of an alert that was active from `since` (s) and written each minute up to `minutes`."""
    store = Memory(
        f'ALERTS_FOR_STATE{{alertname="A", i="1"}} {since}x{minutes}',
        f'ALERTS{{alertname="A", i="1", alertstate="{state}"}} 1x{minutes}',
    )
    found = restored_state(group(for_), store, now, OUTAGE_TOLERANCE, grace)
    return [alert for rule in found.rules.values() for alert in rule.active.values()]


@pytest.mark.parametrize(
    ("for_", "now", "fires_at"),
    [
        ("30m", 25 * MINUTE, (25 + 20) * MINUTE),  # 20 of 30 minutes were left, and still are
        ("15m", 25 * MINUTE, (25 + 10) * MINUTE),  # 5 were left: the grace period is longer
        ("20m", 25 * MINUTE, (25 + 10) * MINUTE),  # just the grace period was left
        ("10m", 25 * MINUTE, 10 * MINUTE),  # it had waited for long enough
        ("30m", 10 * MINUTE, 30 * MINUTE),  # no outage at all
    ],
)
def test_waiting_goes_on_but_not_for_less_than_the_grace_period(for_: str, now: float, fires_at: float) -> None:
    [alert] = restored(for_, 0, 10, "pending", now)
    assert alert.state == "pending"
    assert alert.active_at + group(for_).rules[0].for_ == fires_at


def test_a_rule_that_holds_for_less_than_the_grace_period_waits_afresh() -> None:
    assert restored("9m", 0, 5, "pending", 10 * MINUTE) == []
    [alert] = restored("9m", 0, 5, "pending", 10 * MINUTE, grace=0.0)
    assert alert.active_at == 5 * MINUTE


@pytest.mark.parametrize("for_", ["1m", "30m"])
def test_what_was_firing_still_fires(for_: str) -> None:
    [alert] = restored(for_, 0, 40, "firing", 45 * MINUTE)
    assert (alert.state, alert.active_at) == ("firing", 0.0)


@pytest.mark.parametrize(("outage", "kept"), [(59, 1), (60, 1), (61, 0)])
def test_a_longer_outage_than_is_tolerated_forgets(outage: int, kept: int) -> None:
    assert len(restored("30m", 0, 10, "pending", (10 + outage) * MINUTE)) == kept


def test_what_ended_before_the_restart_is_not_restored() -> None:
    store = Memory(
        'ALERTS_FOR_STATE{alertname="A"} 0 0 0 stale', 'ALERTS{alertname="A", alertstate="firing"} 1 1 1 stale'
    )
    assert restored_state(group("30m"), store, 5 * MINUTE).rules == {}


def test_the_alert_fires_after_the_grace_period_and_not_before() -> None:
    of = group("15m")
    now = 25 * MINUTE
    state = restored_state(of, Memory('ALERTS_FOR_STATE{alertname="A"} 0x10'), now, grace=GRACE_PERIOD)
    store = Memory("m 1x60")
    states = []
    for minute in range(26, 37):
        result = evaluate_group(of, store, minute * MINUTE, state)
        state = result.state
        states.append(result.rules[0].state)
    assert states == ["pending"] * 9 + ["firing"] * 2
