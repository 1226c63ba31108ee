"""samples → rules → samples and alerts: every group of rules in a loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np

from opsctl.core.clock import Clock
from opsctl.core.errors import DocumentError, Problem
from opsctl.core.log import Log
from opsctl.flows.alert_journal import AlertJournal
from opsctl.flows.evaluating import Evaluator
from opsctl.flows.rule_figures import RuleFigures
from opsctl.metrics.storage import Appended, Storage
from opsctl.model.alert import Alert
from opsctl.model.batch import Batch
from opsctl.model.labels import Labels
from opsctl.model.series import STALE, is_stale
from opsctl.promql import Limits
from opsctl.rules import (
    ActiveAlert,
    Group,
    GroupResult,
    GroupState,
    Surroundings,
    Written,
    due_alerts,
    evaluate_group,
    load_rules,
)  # fmt: skip
from opsctl.rules.sending import RESEND_DELAY
from opsctl.scrape.config import PrometheusConfig
from opsctl.scrape.manager import next_tick

LOG = Log("opsctl.flows.ruling")
_SAVE_EVERY = 1.0
Send = Callable[[Iterable[Alert]], None]


@dataclass
class GroupRun:
    """A group, what it remembers, and how it last fared."""

    group: Group
    interval: float
    state: GroupState
    result: GroupResult | None = None
    at: float = 0.0
    seconds: float = 0.0
    task: asyncio.Task[None] | None = None


class Ruler:
    """Evaluates every group at its interval: its samples into the store, its alerts to `send`.

    What is pending or firing outlives a restart: from the journal, and from ALERTS_FOR_STATE where that is newer.
    """

    def __init__(
        self, storage: Storage, send: Send, journal: AlertJournal, clock: Clock, pool: Executor, figures: RuleFigures,
        external_url: str, append: Callable[[Batch], Appended], evaluator: Evaluator, *, lookback: float = 300.0, limits: Limits | None = None,
        resend_delay: float = RESEND_DELAY,
    ) -> None:  # fmt: skip
        self._storage, self._append, self._send, self._journal = storage, append, send, journal
        self._clock, self._pool, self._figures = clock, pool, figures
        self._around = Surroundings(
            external_url=external_url,
            evaluate=evaluator.instant,
            lookback_ms=int(lookback * 1000),
            limits=limits or Limits(),
        )
        self._resend_delay = resend_delay
        self._runs: dict[str, GroupRun] = {}
        self._saving: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    @property
    def runs(self) -> tuple[GroupRun, ...]:
        """The groups, by file and name."""
        return tuple(sorted(self._runs.values(), key=lambda run: (run.group.file, run.group.name)))

    @staticmethod
    def load(config: PrometheusConfig) -> tuple[Group, ...]:
        """The groups of all rule files. Raises DocumentError with every mistake of every file."""
        groups: list[Group] = []
        problems: list[Problem] = []
        for path in config.rule_paths():
            try:
                groups += load_rules(path)
            except DocumentError as error:
                problems += error.problems
        if problems:
            raise DocumentError(problems)
        return tuple(groups)

    def restored(self, groups: Iterable[Group]) -> dict[str, GroupState]:
        """What the groups were doing before the restart; a group that comes with a later reload begins anew.

        Not on the event loop: it asks the store. Source: rules/manager.go, which restores once.
        """
        if self._saving is not None:
            return {}
        now = self._clock.now()
        return {g.key: self._journal.state(g, self._storage, now) for g in groups if g.key not in self._runs}

    def apply(self, groups: Iterable[Group], config: PrometheusConfig, restored: Mapping[str, GroupState]) -> None:
        """Takes groups whole: one with the same file and name goes on with what it remembers."""
        common = config.global_
        self._around = replace(
            self._around,
            external_labels=dict(common.external_labels),
            default_step_ms=int(common.evaluation_interval * 1000),
            query_offset=common.rule_query_offset,
        )
        before, self._runs = self._runs, {}
        for group in groups:
            known = before.pop(group.key, None)
            interval = group.interval or common.evaluation_interval
            if known is not None and known.task is not None:
                known.task.cancel()
            state = known.state if known else restored.get(group.key, GroupState())
            self._begin(GroupRun(group, interval, state, known.result if known else None, known.at if known else 0.0))
        for gone in before.values():
            self._end(gone)
        self._journal.forget()
        if self._saving is None:
            self._saving = asyncio.create_task(self._save_loop())

    def _begin(self, run: GroupRun) -> None:
        key = run.group.key
        self._runs[key] = run
        self._figures.rules.labels(key).set(len(run.group.rules))
        self._figures.interval.labels(key).set(run.interval)
        self._figures.failures.labels(key).inc(0)
        run.task = asyncio.create_task(self._loop(run))

    def _end(self, run: GroupRun) -> None:
        """A group that is no more: its series go stale, its alerts end by their own time."""
        if run.task is not None:
            run.task.cancel()
        written = sorted({labels for rule in run.state.rules.values() for labels in rule.written})
        self._keep(run.group, [Written(labels, round(self._clock.now() * 1000), STALE) for labels in written])
        self._figures.forget(run.group.key)

    async def stop(self) -> None:
        """Ends every loop; what is pending or firing is in the journal afterwards."""
        tasks = [run.task for run in self.runs if run.task] + ([self._saving] if self._saving else [])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self._journal.save, self._states(), self._clock.now())

    async def _loop(self, run: GroupRun) -> None:
        due = next_tick(self._clock.now(), run.interval, offset(run.group, run.interval))
        while True:
            await self._clock.sleep(max(0.0, due - self._clock.now()))
            try:
                await self.evaluate(run, due)
            except Exception as error:
                self._figures.loop_failures.inc()
                LOG.error("rules.loop_failed", exc=error, group=run.group.key)
            passed = int((self._clock.now() - due) // run.interval)
            self._figures.iterations.labels(run.group.key).inc(passed + 1)
            self._figures.missed.labels(run.group.key).inc(passed)
            due += run.interval * (passed + 1)

    async def evaluate(self, run: GroupRun, now: float) -> None:
        """One evaluation: rules → samples into the store → alerts that are due to be sent."""
        began = self._clock.now()
        result = await asyncio.get_running_loop().run_in_executor(
            self._pool, evaluate_group, run.group, self._storage, now, run.state, self._around
        )
        self._keep(run.group, result.samples)
        due, run.state = due_alerts(
            run.group, result.state, now, run.interval, self._around.external_url, self._resend_delay
        )
        if due:
            self._send(due)
            self._changed.set()
        run.result, run.at, run.seconds = result, now, self._clock.now() - began
        self._count(run, result)

    def _keep(self, group: Group, samples: Iterable[Written]) -> None:
        """The group's samples as one batch; a series written and ended at once is written."""
        last: dict[Labels, Written] = {}
        for sample in samples:
            if sample.labels not in last or not is_stale(np.array([sample.value]))[0]:
                last[sample.labels] = sample
        if last:
            values = np.array([s.value for s in last.values()], dtype=np.float64)
            at_ms = next(iter(last.values())).at_ms
            self._append(Batch(f"rules {group.key}", at_ms, tuple(last), values))

    def _count(self, run: GroupRun, result: GroupResult) -> None:
        key, figures = run.group.key, self._figures
        figures.evaluations.labels(key).inc(len(result.rules))
        figures.failures.labels(key).inc(len(result.errors))
        figures.at.labels(key).set(run.at)
        figures.took.labels(key).set(run.seconds)
        figures.samples.labels(key).set(len(result.samples))
        figures.duration.observe(run.seconds)
        for failed in result.errors:
            LOG.warning("rules.failed", group=key, rule=failed.rule.name, error=failed.error)

    def _states(self) -> Mapping[str, GroupState]:
        return {run.group.key: run.state for run in self.runs}

    async def _save_loop(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), _SAVE_EVERY)
            self._changed.clear()
            try:
                await asyncio.to_thread(self._journal.save, self._states(), self._clock.now())
            except OSError as error:
                self._figures.loop_failures.inc()
                LOG.error("rules.journal_failed", exc=error)

    def active(self) -> tuple[ActiveAlert, ...]:
        """All alerts that are pending or firing."""
        rules = [rule for run in self.runs if run.result for rule in run.result.rules]
        return tuple(alert for rule in rules for alert in rule.alerts if alert.state != "inactive")


def offset(group: Group, interval: float) -> float:
    """When in each interval a group is evaluated: spread over all groups, the same after a restart."""
    digest = hashlib.md5(group.key.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 * interval
