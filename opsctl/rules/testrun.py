"""Runs unit tests of rules as promtool does: one simulated clock, no process. Source: cmd/promtool/unittest.go."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from opsctl.core.clock import parse_iso
from opsctl.core.errors import DocumentError, OpsctlError
from opsctl.model.duration import format_duration
from opsctl.model.labels import METRIC_NAME, Labels
from opsctl.model.matcher import Matcher, matches_all
from opsctl.model.series import Series
from opsctl.promql import PromqlError, Scalar, Vector, evaluate_instant
from opsctl.promql.notation import described, series_labels
from opsctl.rules.check import load_rules
from opsctl.rules.document import Group
from opsctl.rules.evaluate import Surroundings, Written, evaluate_group, scalar_vector
from opsctl.rules.state import GroupState
from opsctl.rules.testfile import AlertTest, ExpressionTest, TestFile, TestGroup, load_test_file, rule_paths
from opsctl.rules.testreport import alert_failure, expression_failure

_MOST_EVALUATIONS = 1_000_000


@dataclass(frozen=True)
class Outcome:
    """What came of one test file: `failures` as promtool prints them, none when all held."""

    file: str
    failures: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    tests: int = 0

    @property
    def passed(self) -> bool:
        return not self.failures


def run_test_file(path: Path, only: Sequence[re.Pattern[str]] = (), diff: bool = False) -> Outcome:
    """Runs the tests of a file (those whose name one of `only` finds). What is wrong is in the outcome, not raised."""
    try:
        file = load_test_file(path)
        groups, warnings = _groups(path, file)
    except DocumentError as error:
        return Outcome(str(path), tuple(str(problem) for problem in error.problems))
    failures: list[str] = []
    tests = [test for test in file.tests if not only or any(p.search(test.name) for p in only)]
    for test in tests:
        try:
            failures += _TestRun(file, test, groups, diff).run()
        except (OpsctlError, ValueError) as error:
            named = f"    name: {test.name},\n" if test.name else ""
            failures.append(f"{named}{error.message if isinstance(error, OpsctlError) else error}")
    return Outcome(str(path), tuple(failures), tuple(warnings), len(tests))


def _groups(path: Path, file: TestFile) -> tuple[list[Group], list[str]]:
    found: list[Group] = []
    warnings = []
    for pattern in file.rule_files:
        paths = [each for each in rule_paths(path, [pattern]) if each.exists()]
        if not paths:
            warnings.append(f"  WARNING: no file match pattern {pattern}")
        for each in paths:
            found += load_rules(each)
    order = {name: place for place, name in enumerate(file.group_eval_order)}
    return sorted(found, key=lambda group: order.get(group.name, 0)), warnings


class _Samples:
    """All samples of a test: the input up to `until`, and what the rules wrote."""

    def __init__(self, series: Sequence[Series]) -> None:
        self.until_ms = -(2**62)
        self._input = series
        self._written: dict[Labels, tuple[list[int], list[float]]] = {}

    def write(self, samples: Sequence[Written]) -> None:
        for sample in samples:
            times, values = self._written.setdefault(sample.labels, ([], []))
            times.append(sample.at_ms)
            values.append(sample.value)

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Series]:
        found = []
        for each in self._all():
            if matches_all(matchers, each.labels):
                lo, hi = np.searchsorted(each.times, [start_ms, min(end_ms, self.until_ms) + 1])
                found.append(Series(each.labels, each.times[lo:hi], each.values[lo:hi]))
        return found

    def _all(self) -> Iterator[Series]:
        known = {each.labels for each in self._input}
        for each in self._input:
            yield self._joined(each) if each.labels in self._written else each
        for labels, (times, values) in self._written.items():
            if labels not in known:
                yield Series(labels, np.array(times, dtype=np.int64), np.array(values))

    def _joined(self, series: Series) -> Series:
        """A rule that writes an input series: later samples win."""
        times, values = self._written[series.labels]
        merged = dict(zip(series.times.tolist(), series.values.tolist(), strict=True))
        merged.update(zip(times, values, strict=True))
        ordered = sorted(merged.items())
        return Series(
            series.labels, np.array([t for t, _ in ordered], dtype=np.int64), np.array([v for _, v in ordered])
        )


class _TestRun:
    def __init__(self, file: TestFile, test: TestGroup, groups: Sequence[Group], diff: bool) -> None:
        self._file, self._test, self._groups, self._diff = file, test, groups, diff
        self._start = _start(test.start_timestamp)
        interval = round((test.interval or file.evaluation_interval) * 1000)
        series = [described(f"{s.series} {s.values}").series(self._start, interval) for s in test.input_series]
        self._samples = _Samples(_merged(series))
        self._around = Surroundings(external_labels=test.external_labels, external_url=test.external_url)
        self._states = [GroupState() for _ in groups]
        self._failures: list[str] = []

    def run(self) -> list[str]:
        waiting = sorted(self._test.alert_rule_test, key=lambda t: t.eval_time)
        for each in waiting:
            if not each.alertname:
                at = format_duration(each.eval_time)
                return [f"an item under alert_rule_test misses required attribute alertname at eval_time {at}"]
        for now in self._instants():
            errors = self._evaluate(now)
            if errors:
                return errors
            step = self._file.evaluation_interval
            due = [t for t in waiting if 0 <= t.eval_time - (now - self._start / 1000) + 1e-9 < step]
            self._alerts(due)
        for expression in self._test.promql_expr_test:
            self._failures += self._expression(expression)
        return self._failures

    def _instants(self) -> Iterator[float]:
        """Each evaluation up to the last time that a test asks for."""
        times = [t.eval_time for t in self._test.alert_rule_test] + [t.eval_time for t in self._test.promql_expr_test]
        step = self._file.evaluation_interval
        count = int(max(times, default=0.0) / step + 1e-9) + 1
        if count > _MOST_EVALUATIONS:
            raise OpsctlError(f"the test would evaluate its rules {count} times")
        return (self._start / 1000 + i * step for i in range(count))

    def _evaluate(self, now: float) -> list[str]:
        """All groups at one instant; each sees what those before it wrote."""
        self._samples.until_ms = round(now * 1000)
        at = format_duration(now - self._start / 1000)
        errors = []
        for place, group in enumerate(self._groups):
            result = evaluate_group(group, self._samples, now, self._states[place], self._around)
            self._samples.write(result.samples)
            self._states[place] = result.state
            errors += [f"    rule: {r.rule.name}, time: {at}, err: {r.error}" for r in result.errors]
        return errors

    def _alerts(self, due: Sequence[AlertTest]) -> None:
        for test in due:
            got = [
                (alert.labels, alert.annotations)
                for state in self._states
                for rule in state.rules.values()
                for alert in rule.active.values()
                if alert.state == "firing" and alert.labels.get("alertname") == test.alertname
            ]
            expected = [
                (Labels({**e.exp_labels, "alertname": test.alertname}), Labels.with_empty(e.exp_annotations))
                for e in test.exp_alerts
            ]
            if sorted(got, key=_order) != sorted(expected, key=_order):
                ordered = sorted(expected, key=_order), sorted(got, key=_order)
                self._failures.append(alert_failure(self._test.name, test, *ordered, diff=self._diff))

    def _expression(self, test: ExpressionTest) -> list[str]:
        head = f'    expr: "{_quoted(test.expr)}", time: {format_duration(test.eval_time)},'
        try:
            got = self._value(test)
        except OpsctlError as error:
            return [f"{head} err: {error.message}"]
        expected = []
        for sample in test.exp_samples:
            try:
                expected.append((series_labels(sample.labels), sample.value))
            except PromqlError as error:
                return [f'{head} err: labels "{_quoted(sample.labels)}": {error.message}']
        expected.sort(key=lambda e: e[0])
        got.sort(key=lambda e: e[0])
        if self._same(expected, got):
            return []
        return [expression_failure(head, expected, got, diff=self._diff)]

    def _value(self, test: ExpressionTest) -> list[tuple[Labels, float]]:
        at = self._start + round(test.eval_time * 1000)
        value = evaluate_instant(test.expr, self._samples, at)
        if isinstance(value, Scalar):
            value = scalar_vector(value)
        if not isinstance(value, Vector):
            raise OpsctlError("rule result is not a vector or scalar")
        return list(value)

    def _same(self, expected: Sequence[tuple[Labels, float]], got: Sequence[tuple[Labels, float]]) -> bool:
        if [e[0] for e in expected] != [g[0] for g in got]:
            return False
        return all(self._equal(e[1], g[1]) for e, g in zip(expected, got, strict=True))

    def _equal(self, a: float, b: float) -> bool:
        """Exact; `fuzzy_compare` allows one step of the last bit. NaN equals nothing."""
        if a == b or not self._file.fuzzy_compare:
            return a == b
        return math.nextafter(a, b) == b


def _order(alert: tuple[Labels, Labels]) -> tuple[Labels, Labels]:
    return alert


def _merged(series: Sequence[Series]) -> list[Series]:
    """Input that names the same series twice is one series."""
    found: dict[Labels, Series] = {}
    for each in series:
        if METRIC_NAME not in each.labels:
            raise OpsctlError(f"input series without a metric name: {each.labels}")
        known = found.get(each.labels)
        if known is not None:
            values = {**dict(zip(known.times.tolist(), known.values.tolist(), strict=True)),
                      **dict(zip(each.times.tolist(), each.values.tolist(), strict=True))}  # fmt: skip
            ordered = sorted(values.items())
            times = np.array([t for t, _ in ordered], dtype=np.int64)
            each = Series(each.labels, times, np.array([v for _, v in ordered]))
        found[each.labels] = each
    return list(found.values())


def _start(text: str) -> int:
    """`start_timestamp`: epoch seconds or RFC 3339; '' is the epoch. In ms."""
    if not text:
        return 0
    try:
        return round(float(text) * 1000)
    except ValueError:
        return round(parse_iso(text) * 1000)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
