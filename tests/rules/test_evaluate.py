"""Evaluating groups: recording, the life of an alert, limits, errors as results, state over a restart."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from opsctl.model.labels import Labels
from opsctl.model.matcher import Matcher
from opsctl.model.series import STALE_BITS, Series, is_stale
from opsctl.promql.parse import parse
from opsctl.rules import (
    Group,
    GroupResult,
    GroupState,
    Surroundings,
    check_file,
    check_text,
    due_alerts,
    dump_state,
    evaluate_group,
    load_state,
    restored_state,
)  # fmt: skip
from tests.promql.memory import Memory
from tests.promql.promqltest import selectors
from tests.rules.promtool import RULES, needs_rules


def group(text: str) -> Group:
    return check_text("groups:\n- name: g\n" + text, "rules.yml").groups[0]


DOWN = group(
    "  rules:\n  - alert: Down\n    expr: up == 0\n    for: 2m\n    keep_firing_for: 1m\n"
    "    labels: {severity: '{{ if eq $labels.job \"a\" }}critical{{ else }}warning{{ end }}'}\n"
    "    annotations: {summary: '{{ $labels.job }} is {{ $value }} in {{ $externalLabels.region }}'}\n"
)
AROUND = Surroundings(external_labels={"region": "cn"}, external_url="http://m:9090/p")


def life(of: Group, store: Memory, minutes: int, state: GroupState | None = None) -> Iterator[GroupResult]:
    state = state or GroupState()
    for minute in range(minutes):
        result = evaluate_group(of, store, minute * 60.0, state, AROUND)
        state = result.state
        yield result


def states(result: GroupResult) -> list[str]:
    return [alert.state for alert in result.rules[0].alerts]


def test_the_life_of_an_alert() -> None:
    store = Memory('up{job="a"} 1 0x4 1x20')
    found = list(life(DOWN, store, 9))
    assert [states(r) for r in found] == [
        [], ["pending"], ["pending"], ["firing"], ["firing"], ["firing"], ["firing"], ["inactive"], ["inactive"],
    ]  # fmt: skip
    alert = found[3].rules[0].alerts[0]
    assert dict(alert.labels) == {"alertname": "Down", "job": "a", "severity": "critical"}
    assert dict(alert.annotations) == {"summary": "a is 0 in cn"}
    assert (alert.active_at, alert.fired_at) == (60.0, 180.0)
    assert found[7].rules[0].alerts[0].resolved_at == 420.0


def test_alerts_are_series_too_and_end_with_a_marker() -> None:
    store = Memory('up{job="a"} 1 0x2 1x20')
    found = list(life(DOWN, store, 5))
    written = {(str(w.labels), w.value) for w in found[1].samples}
    common = 'alertname="Down"'
    assert written == {
        (f'ALERTS{{{common}, alertstate="pending", job="a", severity="critical"}}', 1.0),
        (f'ALERTS_FOR_STATE{{{common}, job="a", severity="critical"}}', 60.0),
    }
    gone = [w for w in found[3].samples if w.labels.get("alertstate") == "pending"]
    assert len(gone) == 1
    assert is_stale(_array(gone[0].value))[0]


def _array(value: float) -> NDArray[np.float64]:
    made = np.array([value])
    assert made.view(np.uint64)[0] == STALE_BITS
    return made


def test_a_later_rule_sees_what_an_earlier_one_recorded() -> None:
    of = group(
        "  rules:\n  - record: job:up:sum\n    expr: sum by (job) (up)\n    labels: {src: rec}\n"
        "  - record: twice\n    expr: job:up:sum * 2\n"
    )
    result = evaluate_group(of, Memory('up{job="a", i="1"} 1', 'up{job="a", i="2"} 1'), 0.0, GroupState())
    assert [(str(w.labels), w.value) for w in result.samples] == [
        ('job:up:sum{job="a", src="rec"}', 2.0), ('twice{job="a", src="rec"}', 4.0),
    ]  # fmt: skip


def test_what_is_no_longer_recorded_goes_stale() -> None:
    of = group("  rules:\n  - record: r\n    expr: up\n")
    first = evaluate_group(of, Memory("up 1"), 0.0, GroupState())
    second = evaluate_group(of, Memory("other 1"), 60.0, first.state)
    assert is_stale(_array(second.samples[0].value))[0]
    removed = evaluate_group(group("  rules:\n  - record: q\n    expr: up\n"), Memory("up 1"), 60.0, first.state)
    assert [w.labels.name for w in removed.samples] == ["r", "q"]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("  limit: 1\n  rules:\n  - record: r\n    expr: up\n", "exceeded limit of 1 with 2 series"),
        ("  limit: 1\n  rules:\n  - alert: r\n    expr: up\n", "exceeded limit of 1 with 2 alerts"),
        ("  rules:\n  - record: r\n    expr: up\n    labels: {job: x}\n",
         "vector contains metrics with the same labelset after applying rule labels"),
        ("  rules:\n  - alert: r\n    expr: up\n    labels: {job: x}\n",
         "vector contains metrics with the same labelset after applying alert labels"),
        ("  rules:\n  - record: r\n    expr: up[5m]\n", "rule result is not a vector or scalar"),
        ("  rules:\n  - record: r\n    expr: up * on() up\n", "found duplicate series for the match group {}"),
    ],
)  # fmt: skip
def test_an_error_is_a_result(rule: str, message: str) -> None:
    store = Memory('up{job="a"} 1', 'up{job="b"} 1')
    result = evaluate_group(group(rule), store, 0.0, GroupState())
    assert message in result.rules[0].error
    assert result.rules[0].health == "err"


def test_a_template_error_is_told_in_the_text() -> None:
    of = group("  rules:\n  - alert: A\n    expr: up\n    annotations: {x: '{{ humanize \"abc\" }}'}\n")
    alert = evaluate_group(of, Memory("up 1"), 0.0, GroupState()).rules[0].alerts[0]
    assert alert.annotations["x"].startswith("<error expanding template: error executing template __alert_A: ")


def test_query_offset_looks_back() -> None:
    of = group("  query_offset: 1m\n  rules:\n  - record: r\n    expr: m\n")
    result = evaluate_group(of, Memory("m 1 2 3"), 120.0, GroupState())
    assert (result.samples[0].at_ms, result.samples[0].value) == (60_000, 2.0)


def test_pending_survives_a_restart_by_the_dump() -> None:
    store = Memory('up{job="a"} 1 0x20')
    before = list(life(DOWN, store, 3))[-1].state
    after = load_state(json.loads(json.dumps(dump_state({DOWN.key: before}))))[DOWN.key]
    result = evaluate_group(DOWN, store, 180.0, after, AROUND)
    assert states(result) == ["firing"]
    assert result.rules[0].alerts[0].active_at == 60.0
    assert load_state({"format": 99}) == {}


def test_pending_survives_a_restart_by_alerts_for_state() -> None:
    stored = Memory(
        'ALERTS_FOR_STATE{alertname="Down", job="a", severity="critical"} _ 60 60',
        'ALERTS{alertname="Down", job="a", severity="critical", alertstate="pending"} _ 1 1',
    )
    state = restored_state(DOWN, stored, 600.0)
    [alert] = next(iter(state.rules.values())).active.values()
    assert (alert.state, alert.active_at) == ("pending", 60.0 + 480.0)  # the outage does not count as waiting
    assert states(evaluate_group(DOWN, Memory('up{job="a"} 0x20'), 660.0, state)) == ["firing"]


def test_a_grace_period_is_waited_at_least() -> None:
    stored = Memory(
        'ALERTS_FOR_STATE{alertname="Down", job="a", severity="critical"} _ 60 60',
        'ALERTS{alertname="Down", job="a", severity="critical", alertstate="pending"} _ 1 1',
    )
    [state] = restored_state(DOWN, stored, 600.0, grace=100.0).rules.values()
    assert [alert.active_at for alert in state.active.values()] == [600.0 + 100.0 - 120.0]
    assert not restored_state(DOWN, stored, 600.0, grace=121.0).rules  # it waits less altogether: it begins anew


def test_firing_survives_a_restart_and_can_still_resolve() -> None:
    stored = Memory(
        'ALERTS_FOR_STATE{alertname="Down", job="a", severity="critical"} 0x9',
        'ALERTS{alertname="Down", job="a", severity="critical", alertstate="firing"} 1x9',
    )
    state = restored_state(DOWN, stored, 600.0)
    quiet = group(DOWN_WITHOUT_KEEPING)
    result = evaluate_group(quiet, Memory('up{job="a"} 1x20'), 600.0, state)
    assert states(result) == ["inactive"]
    sent, _ = due_alerts(quiet, result.state, 600.0, 15.0)
    assert [a.ends_at for a in sent] == [600.0]


DOWN_WITHOUT_KEEPING = (
    "  rules:\n  - alert: Down\n    expr: up == 0\n    for: 2m\n"
    "    labels: {severity: '{{ if eq $labels.job \"a\" }}critical{{ else }}warning{{ end }}'}\n"
)


def test_alerts_are_sent_when_new_when_resolved_and_again_after_a_while() -> None:
    of = group("  rules:\n  - alert: A\n    expr: m == 1\n")
    store = Memory("m 1 1 1 1 0 0", start_ms=1_000_000)
    state = GroupState()
    sent: list[tuple[int, float, float | None]] = []
    for at in range(1000, 1360, 30):
        state = evaluate_group(of, store, float(at), state).state
        alerts, state = due_alerts(of, state, float(at), 30.0, "http://m:9090", resend_delay=60.0)
        sent += [(at, a.starts_at, a.ends_at) for a in alerts]
    assert sent == [
        (1000, 1000.0, 1240.0), (1090, 1000.0, 1330.0), (1180, 1000.0, 1420.0), (1240, 1000.0, 1240.0),
        (1330, 1000.0, 1240.0),
    ]  # fmt: skip
    assert alerts[0].generator_url == "http://m:9090/graph?g0.expr=m+%3D%3D+1&g0.tab=1"


def test_selectors_shared_by_rules_are_read_once() -> None:
    rules = "".join(f"  - alert: A{i}\n    expr: rate(m_total[5m]) > {i}\n" for i in range(20))
    store = Memory("m_total 0+60x20")
    evaluate_group(group("  rules:\n" + rules), store, 600.0, GroupState())
    assert store.asked == 1


class Synthetic:
    """One series for each selector that equality can satisfy, the same labels for all metrics."""

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Series]:
        pairs = {"instance": "i", "job": "j"}
        pairs.update({m.name: m.value.split("|")[0] for m in matchers if m.op in ("=", "=~")})
        labels = Labels(pairs)
        if not all(m.matches(labels.get(m.name, "")) for m in matchers):
            return []
        steps = range(max(start_ms, 0) // 15_000, end_ms // 15_000 + 1)
        times = [s * 15_000 for s in steps if start_ms <= s * 15_000 <= end_ms][-500:]
        return [Series(labels, np.array(times, dtype=np.int64), np.array(times, dtype=np.float64) / 1000)]


@needs_rules
def test_all_public_rules_evaluate_without_an_error() -> None:
    fired = 0
    for path in sorted(RULES.glob("*/*.yml")):
        for each in check_file(path).groups:
            for store in (Memory(), Synthetic()):
                result = evaluate_group(each, store, 1_000_000.0, GroupState())
                assert [(r.rule.name, r.error) for r in result.errors] == []
                fired += sum(len(r.alerts) for r in result.rules)
            assert all(list(selectors(parse(rule.expr))) for rule in each.rules if "vector(" not in rule.expr)
    assert fired > 100
