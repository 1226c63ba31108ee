"""Evaluates one group of rules at one instant: pure, querier and state in, samples and new state out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from opsctl.core.errors import OpsctlError
from opsctl.model.labels import METRIC_NAME, Labels
from opsctl.model.series import STALE, Querier
from opsctl.promql import Limits, Scalar, Value, Vector, evaluate_instant
from opsctl.promql.query import LOOKBACK_MS
from opsctl.promql.scope import DEFAULT_STEP_MS
from opsctl.rules.alerting import RuleError, found_alerts, next_alerts
from opsctl.rules.document import Group, Rule
from opsctl.rules.functions import Query, Sample, rule_functions
from opsctl.rules.overlay import Overlay
from opsctl.rules.state import ActiveAlert, GroupState, RuleState, abandoned, rule_keys

ALERTS, FOR_STATE = "ALERTS", "ALERTS_FOR_STATE"


@dataclass(frozen=True)
class Surroundings:
    """What rules need to know of the process they run in."""

    external_labels: Mapping[str, str] = field(default_factory=dict)
    external_url: str = ""
    query_offset: float = 0.0
    lookback_ms: int = LOOKBACK_MS
    default_step_ms: int = DEFAULT_STEP_MS
    limits: Limits = field(default_factory=Limits)
    evaluate: Callable[..., Value] = evaluate_instant
    """Of the shape of promql.evaluate_instant: whoever has the samples."""


@dataclass(frozen=True)
class Written:
    """A sample to be stored; STALE ends a series."""

    labels: Labels
    at_ms: int
    value: float


@dataclass(frozen=True)
class RuleResult:
    """How one rule fared: its alerts (alerting rules) in the order of their labels; `error` '' if it went well."""

    rule: Rule
    error: str = ""
    alerts: tuple[ActiveAlert, ...] = ()
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()

    @property
    def health(self) -> str:
        return "err" if self.error else "ok"

    @property
    def state(self) -> str:
        """The strongest of its alerts' states."""
        states = {alert.state for alert in self.alerts}
        return next((s for s in ("firing", "pending") if s in states), "inactive")


@dataclass(frozen=True)
class GroupResult:
    """`samples` in the order of writing, `rules` in the order of the group, `state` for the next evaluation."""

    samples: tuple[Written, ...]
    rules: tuple[RuleResult, ...]
    state: GroupState

    @property
    def errors(self) -> tuple[RuleResult, ...]:
        return tuple(rule for rule in self.rules if rule.error)


def evaluate_group(
    group: Group, querier: Querier, now: float, state: GroupState, surroundings: Surroundings | None = None
) -> GroupResult:
    """Every rule of the group at `now` (epoch seconds). An error of a rule is its result, not an exception.

    A later rule sees what an earlier one wrote. Source: rules/group.go Eval.
    """
    around = surroundings or Surroundings()
    at_ms = round(now * 1000) - round(1000 * _offset(group, around))
    overlay = Overlay(querier)
    samples: list[Written] = [Written(labels, at_ms, STALE) for labels in sorted(abandoned(group, state))]
    results: list[RuleResult] = []
    states: dict[str, RuleState] = {}
    for rule, key in zip(group.rules, rule_keys(group), strict=True):
        evaluation = _Evaluation(rule, group.limit, overlay, now, at_ms, around)
        result, states[key], written = evaluation.run(state.of(key))
        for each in written:
            overlay.add(each.labels, each.at_ms, each.value)
        samples += written
        results.append(result)
    return GroupResult(tuple(samples), tuple(results), GroupState(states))


def _offset(group: Group, around: Surroundings) -> float:
    return around.query_offset if group.query_offset is None else group.query_offset


@dataclass(frozen=True)
class _Evaluation:
    rule: Rule
    limit: int
    querier: Querier
    now: float
    at_ms: int
    around: Surroundings

    def run(self, before: RuleState) -> tuple[RuleResult, RuleState, list[Written]]:
        began = time.perf_counter()
        work = self._alerting if self.rule.alert else self._recording
        try:
            result, state, fresh = work(before)
        except OpsctlError as error:
            took = time.perf_counter() - began
            alerts = tuple(sorted(before.active.values(), key=lambda a: a.labels))
            return RuleResult(self.rule, error.message, alerts, took), before, []
        gone = [Written(labels, self.at_ms, STALE) for labels in sorted(before.written - {w.labels for w in fresh})]
        written = replace(state, written=frozenset(w.labels for w in fresh))
        return replace(result, seconds=time.perf_counter() - began), written, fresh + gone

    def _recording(self, before: RuleState) -> tuple[RuleResult, RuleState, list[Written]]:
        vector = self._vector(self.rule.expr)
        own = {**self.rule.labels, METRIC_NAME: self.rule.record}
        written = [Written(labels.merged(own), self.at_ms, value) for labels, value in vector]
        if len({w.labels for w in written}) < len(written):
            raise RuleError("vector contains metrics with the same labelset after applying rule labels")
        if 0 < self.limit < len(written):
            raise RuleError(f"exceeded limit of {self.limit} with {len(written)} series")
        return RuleResult(self.rule, warnings=vector.warnings), before, written

    def _alerting(self, before: RuleState) -> tuple[RuleResult, RuleState, list[Written]]:
        vector = self._vector(self.rule.expr)
        around = self.around
        functions = rule_functions(self._query, around.external_url, self.now)
        found, wrong = found_alerts(self.rule, vector, self.now, functions, around.external_labels, around.external_url)
        active = next_alerts(self.rule, before.active, found, self.now)
        alive = [alert for alert in active.values() if alert.state != "inactive"]
        if 0 < self.limit < len(alive):
            raise RuleError(f"exceeded limit of {self.limit} with {len(alive)} alerts")
        result = RuleResult(
            self.rule,
            alerts=tuple(sorted(active.values(), key=lambda a: a.labels)),
            warnings=(*vector.warnings, *wrong),
        )
        return result, replace(before, active=active), _alert_samples(alive, self.at_ms)

    def _vector(self, expr: str) -> Vector:
        around = self.around
        value = around.evaluate(
            expr, self.querier, self.at_ms, around.lookback_ms,
            default_step_ms=around.default_step_ms, limits=around.limits,
        )  # fmt: skip
        if isinstance(value, Scalar):
            return scalar_vector(value)
        if not isinstance(value, Vector):
            raise RuleError("rule result is not a vector or scalar")
        return value

    @property
    def _query(self) -> Query:
        return lambda expr: [Sample(labels, value) for labels, value in self._vector(expr)]


def scalar_vector(value: Scalar) -> Vector:
    """A scalar as the one sample without labels."""
    return Vector(value.at_ms, (Labels(),), np.array([value.value]), value.warnings, value.infos)


def _alert_samples(alive: Sequence[ActiveAlert], at_ms: int) -> list[Written]:
    written = []
    for alert in alive:
        shown = alert.labels.merged({METRIC_NAME: ALERTS, "alertstate": alert.state})
        written.append(Written(shown, at_ms, 1.0))
        since = alert.labels.merged({METRIC_NAME: FOR_STATE})
        written.append(Written(since, at_ms, float(int(alert.active_at))))
    return written
