"""What a rule file would do on somebody's data: the life of each alert, replayed over the time that it must hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

from opsctl.core.errors import UsageError
from opsctl.gotemplate import Functions
from opsctl.model.labels import METRIC_NAME, Labels
from opsctl.model.series import Series
from opsctl.promql import PromqlError, Vector
from opsctl.rules.alerting import RuleError, found_alerts, next_alerts
from opsctl.rules.document import Group, Rule
from opsctl.rules.functions import Sample, rule_functions
from opsctl.rules.state import ActiveAlert

_MOST_STEPS = 10_000
"""Servers answer at most 11,000 steps; a longer hold is looked at in wider ones."""


class Engine(Protocol):
    """Whoever evaluates PromQL. Both raise UsageError for what it refuses."""

    def instant(self, expr: str, at_ms: int) -> Vector: ...

    def over(self, expr: str, start_ms: int, end_ms: int, step_ms: int) -> Sequence[Series]: ...


@dataclass(frozen=True)
class Foreseen:
    """How a rule stands: alerts that are pending or firing, or what would be recorded; `error` '' if it went well.

    An alert whose `active_at` is `looked_from` (epoch seconds) may have begun earlier.
    """

    rule: Rule
    error: str = ""
    alerts: tuple[ActiveAlert, ...] = ()
    recorded: tuple[tuple[Labels, float], ...] = ()
    warnings: tuple[str, ...] = ()
    looked_from: float = 0.0

    @property
    def state(self) -> Literal["firing", "pending", "inactive", "recorded", "error"]:
        if self.error:
            return "error"
        if self.rule.record:
            return "recorded"
        states = {alert.state for alert in self.alerts}
        return "firing" if "firing" in states else "pending" if states else "inactive"


def preview_group(group: Group, engine: Engine, at: float, default_interval: float = 60.0) -> tuple[Foreseen, ...]:
    """Each rule of the group at `at` (epoch seconds), in the group's order; a rule's error is its result.

    A rule that reads what another records sees what the engine has of it.
    """
    step_ms = round((group.interval or default_interval) * 1000)
    offset_ms = round((group.query_offset or 0.0) * 1000)
    preview = _Preview(engine, round(at * 1000), step_ms, offset_ms, group.limit)
    return tuple(preview.rule(rule) for rule in group.rules)


@dataclass(frozen=True)
class _Preview:
    engine: Engine
    at_ms: int
    step_ms: int
    offset_ms: int
    limit: int

    def rule(self, rule: Rule) -> Foreseen:
        try:
            found = self._alerting(rule) if rule.alert else self._recording(rule)
        except (UsageError, RuleError, PromqlError) as error:
            return Foreseen(rule, error.message)
        count, what = (len(found.alerts), "alerts") if rule.alert else (len(found.recorded), "series")
        if 0 < self.limit < count:
            return Foreseen(rule, f"exceeded limit of {self.limit} with {count} {what}")
        return found

    def _recording(self, rule: Rule) -> Foreseen:
        own = {**rule.labels, METRIC_NAME: rule.record}
        vector = self.engine.instant(rule.expr, self.at_ms - self.offset_ms)
        recorded = tuple((labels.merged(own), value) for labels, value in vector)
        if len({labels for labels, _ in recorded}) < len(recorded):
            raise RuleError("vector contains metrics with the same labelset after applying rule labels")
        return Foreseen(rule, recorded=recorded)

    def _alerting(self, rule: Rule) -> Foreseen:
        instants, step_ms = self._instants(rule)
        start_ms, end_ms = instants[0] - self.offset_ms, self.at_ms - self.offset_ms
        vectors = _by_instant(self.engine.over(rule.expr, start_ms, end_ms, step_ms))
        bare = replace(rule, annotations={})
        active: Mapping[Labels, ActiveAlert] = {}
        wrong: list[str] = []
        for now_ms in instants:
            each = rule if now_ms == self.at_ms else bare
            vector = vectors.get(now_ms - self.offset_ms, _vector(now_ms, []))
            found, wrong = found_alerts(each, vector, now_ms / 1000, self._functions(now_ms), {}, "")
            active = next_alerts(rule, active, found, now_ms / 1000)
        alive = sorted((a for a in active.values() if a.state != "inactive"), key=lambda a: a.labels)
        return Foreseen(rule, alerts=tuple(alive), warnings=tuple(wrong), looked_from=instants[0] / 1000)

    def _instants(self, rule: Rule) -> tuple[Sequence[int], int]:
        """The evaluations up to now that can matter: as long as the alert must hold, or is kept firing, and one more."""
        back_ms = round((rule.for_ + rule.keep_firing_for) * 1000)
        step_ms = max(self.step_ms, -(-back_ms // _MOST_STEPS))
        count = -(-back_ms // step_ms) + 1
        return [self.at_ms - place * step_ms for place in range(count, -1, -1)], step_ms

    def _functions(self, now_ms: int) -> Functions:
        def query(expr: str) -> list[Sample]:
            return [Sample(labels, value) for labels, value in self.engine.instant(expr, now_ms - self.offset_ms)]

        return rule_functions(query, "", now_ms / 1000)


def _by_instant(found: Sequence[Series]) -> Mapping[int, Vector]:
    """A range's answer, turned: what held at each instant (ms)."""
    at: dict[int, list[tuple[Labels, float]]] = {}
    for series in found:
        for time_ms, value in zip(series.times.tolist(), series.values.tolist(), strict=True):
            at.setdefault(time_ms, []).append((series.labels, value))
    return {time_ms: _vector(time_ms, samples) for time_ms, samples in at.items()}


def _vector(at_ms: int, samples: Sequence[tuple[Labels, float]]) -> Vector:
    return Vector(at_ms, tuple(labels for labels, _ in samples), np.array([value for _, value in samples]))
