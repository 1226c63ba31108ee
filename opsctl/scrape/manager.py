"""The scrape manager: one loop a target, started and stopped as the configuration says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field

from opsctl.core.clock import Clock
from opsctl.core.http_client import HttpClient
from opsctl.core.log import Log
from opsctl.metrics.storage import Appended
from opsctl.model.batch import Batch
from opsctl.model.duration import format_duration
from opsctl.model.labels import Labels
from opsctl.model.metadata import Metadata
from opsctl.scrape.config import PrometheusConfig
from opsctl.scrape.discovering import Discovering
from opsctl.scrape.failure_log import log_failure
from opsctl.scrape.fetch import BodyLimitExceeded, Page, ScrapeFailed, fetch
from opsctl.scrape.figures import ScrapeFigures
from opsctl.scrape.limits import LabelLimitExceeded, LimitExceeded, SampleLimitExceeded
from opsctl.scrape.parse import BadExposition, Exposition, parse
from opsctl.scrape.sampler import Sampler
from opsctl.scrape.target import Dropped, Target, expand

LOG = Log("opsctl.scrape")
_LARGE = 256 * 1024
"""A longer page is parsed outside the event loop."""
_ON_TIME = 0.01
"""A scrape that begins this near its time is stamped with its time: even steps compress better."""

Append = Callable[..., Appended]
"""Takes the batches of a scrape, as Storage.append does."""


@dataclass
class TargetState:
    """How a target was when it was last scraped. `refusal`: why it is not even asked."""

    target: Target
    sampler: Sampler
    health: str = "unknown"
    error: str = ""
    at: float = 0.0
    seconds: float = 0.0
    refusal: str = ""
    task: asyncio.Task[None] | None = field(default=None, repr=False)


class ScrapeManager:
    """Scrapes every target at its interval into `append`. A dead target never holds up another, nor itself.

    `extra`: whether every job's targets get the extra series about their scrapes.
    """

    def __init__(
        self, append: Append, clock: Clock, pool: Executor, figures: ScrapeFigures, extra: bool = False
    ) -> None:
        self._append = append
        self._clock = clock
        self._pool = pool
        self._figures = self.figures = figures
        self._extra = extra
        self._config = PrometheusConfig()
        self._client: HttpClient | None = None
        self._sources: Discovering | None = None
        self._active: dict[str, TargetState] = {}
        self._wrong: frozenset[tuple[str, Labels, str]] = frozenset()
        self.dropped: tuple[Dropped, ...] = ()
        """Those that relabelling dropped, of each job no more than it keeps."""
        self.dropped_counts: dict[str, int] = {}
        """All of them, by job."""

    @property
    def states(self) -> tuple[TargetState, ...]:
        return tuple(self._active.values())

    def known(self) -> list[tuple[str, Metadata]]:
        """What the targets' pages say of their metrics, target by target."""
        return [one for state in self._active.values() for one in state.sampler.metadata.items()]

    async def start(self, config: PrometheusConfig) -> None:
        self._client = HttpClient()
        self._sources = Discovering(self._client, self._clock, self._figures, "scrape", self._retarget)
        self.apply(config)

    async def stop(self) -> None:
        """Ends every loop. The series are not marked stale: a restart goes on with them."""
        tasks = [s.task for s in self._active.values() if s.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._active.clear()
        if self._sources is not None:
            await self._sources.stop()
        if self._client is not None:
            await self._client.close()

    def apply(self, config: PrometheusConfig) -> None:
        """Takes a new configuration: unchanged targets go on, new ones start, the others end stale."""
        assert self._sources is not None
        before = {job.job_name: job for job in self._config.scrape_configs}
        known = [job for job in config.scrape_configs if job.job_name in before]
        self._figures.made.inc(len(config.scrape_configs) - len(known))
        self._figures.reloads.inc(sum(before[job.job_name] != job for job in known))
        self._config = config
        self._sources.configure(config.scrape_configs)
        self._retarget()

    def _retarget(self) -> None:
        """Takes the targets that the configuration, the files and the lists name now."""
        assert self._sources is not None
        wanted: dict[str, Target] = {}
        dropped: list[Dropped] = []
        for job in self._config.scrape_configs:
            began = self._clock.now()
            found = list(expand(job, self._sources.groups(job)))
            self._figures.syncs.labels(job.job_name).inc()
            self._figures.sync_length.labels(job.job_name).observe(self._clock.now() - began)
            wanted |= {t.source: t for t in found if isinstance(t, Target)}
            dropped += [t for t in found if isinstance(t, Dropped)]
        self._note_dropped(dropped)
        for source in [s for s in self._active if s not in wanted]:
            self._end(source)
        for source, target in wanted.items():
            known = self._active.get(source)
            if known is None or known.target != target:
                self._begin(target, known)
        self._count_pools()

    def _note_dropped(self, dropped: list[Dropped]) -> None:
        """Takes the dropped; one that is wrong is logged and counted when it is new."""
        kept: list[Dropped] = []
        self.dropped_counts = dict.fromkeys((job.job_name for job in self._config.scrape_configs), 0)
        for one in (one for one in dropped if not one.reason):
            count = self.dropped_counts[one.job.job_name] = self.dropped_counts[one.job.job_name] + 1
            if not one.job.keep_dropped_targets or count <= one.job.keep_dropped_targets:
                kept.append(one)
        known = self._wrong
        self._wrong = frozenset((one.job.job_name, one.discovered, one.reason) for one in dropped if one.reason)
        for job, _, reason in self._wrong - known:
            self._figures.sync_failed.labels(job).inc()
            LOG.warning("scrape.target_refused", job=job, error=reason)
        self.dropped = tuple(kept)

    def _begin(self, target: Target, before: TargetState | None) -> None:
        """Starts a target's loop. One whose pace stays goes on in its loop: the next scrape is as the target is now."""
        if before is not None and before.task is not None and before.target.interval == target.interval:
            before.target = target
            return
        if before is not None and before.task is not None:
            before.task.cancel()
        state = TargetState(target, Sampler(target, before.sampler if before else None, self._extra))
        state.task = asyncio.create_task(self._loop(state))
        self._active[target.source] = state

    def _end(self, source: str) -> None:
        state = self._active.pop(source)
        if state.task is not None:
            state.task.cancel()
        if state.at:
            self._keep(state.sampler.ended(int(self._clock.now() * 1000)))

    def _count_pools(self) -> None:
        self._figures.pools.clear()
        self._figures.target_limit.clear()
        for job in self._config.scrape_configs:
            states = [s for s in self._active.values() if s.target.job.job_name == job.job_name]
            self._figures.pools.labels(job.job_name).set(len(states))
            self._figures.target_limit.labels(job.job_name).set(job.target_limit)
            self._figures.sync_failed.labels(job.job_name).inc(0)
            self._limit(states, job.target_limit)

    def _limit(self, states: list[TargetState], limit: int) -> None:
        """A job with too many targets scrapes none of them."""
        over = 0 < limit < len(states)
        if over:
            self._figures.over_target_limit.inc()
        for state in states:
            state.refusal = f"target_limit exceeded (number of targets: {len(states)}, limit: {limit})" if over else ""

    async def _loop(self, state: TargetState) -> None:
        interval = state.target.interval
        due = next_tick(self._clock.now(), interval, state.target.offset())
        while True:
            await self._clock.sleep(max(0.0, due - self._clock.now()))
            try:
                await self.scrape(state, due)
            except Exception as error:
                self._figures.failures.inc()
                LOG.error("scrape.loop_failed", exc=error, target=state.target.url)
            passed = int((self._clock.now() - due) // interval)
            if passed > 0:
                self._figures.missed.inc(passed)
            due += interval * (passed + 1)

    async def scrape(self, state: TargetState, due: float) -> None:
        """One scrape: fetch, parse, label, append; a failure is up 0 and stale series."""
        target = state.target
        if state.sampler.target is not target:
            state.sampler = Sampler(target, state.sampler, self._extra)
        sampler, began = state.sampler, self._clock.now()
        self._figures.lag.set(began - due)
        at = due if 0 <= began - due < _ON_TIME else began
        at_ms = round(at * 1000)
        page = Page("", False)
        try:
            page = await self._fetch(state)
            batches = await self._parse(sampler, page, at_ms, self._clock.now() - began)
            state.health, state.error = "up", ""
            self._figures.duplicate.inc(sampler.repeated)
        except (ScrapeFailed, BadExposition, LimitExceeded) as error:
            size = -1 if isinstance(error, BodyLimitExceeded) else page.size
            batches = sampler.failed(at_ms, self._clock.now() - began, error, size)
            self._note_failure(state, error)
        if state.at:
            self._figures.intervals.labels(format_duration(target.interval)).observe(at - state.at)
        state.at, state.seconds = at, self._clock.now() - began
        self._keep(*batches)

    async def _fetch(self, state: TargetState) -> Page:
        assert self._client is not None
        if state.refusal:
            raise ScrapeFailed(state.refusal)
        return await fetch(self._client, state.target)

    async def _parse(self, sampler: Sampler, page: Page, at_ms: int, seconds: float) -> list[Batch]:
        def work() -> list[Batch]:
            read = parse(page.text, page.openmetrics) if page.text else Exposition()
            return sampler.page(read, at_ms, seconds, page.size)

        if len(page.text) < _LARGE:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _note_failure(self, state: TargetState, failure: Exception) -> None:
        for kind, counter in (
            (BodyLimitExceeded, self._figures.over_body_limit), (LabelLimitExceeded, self._figures.over_label_limits),
            (SampleLimitExceeded, self._figures.over_limit),
        ):  # fmt: skip
            if isinstance(failure, kind):
                counter.inc()
        error = str(failure)
        if isinstance(failure, ScrapeFailed) and not state.refusal:
            log_failure(state.target, self._clock.now(), error)
        if state.error != error:
            LOG.warning("scrape.failed", target=state.target.url, job=state.target.job.job_name, error=error)
        state.health, state.error = "down", error

    def _keep(self, *batches: Batch) -> None:
        became = self._append(*batches)
        self._figures.out_of_order.inc(became.out_of_order)
        self._figures.duplicate.inc(became.duplicate)
        self._figures.too_old.inc(became.too_old)


def next_tick(now: float, interval: float, offset: float) -> float:
    """The first instant after `now` that is `offset` past a multiple of `interval`."""
    due = now - now % interval + offset
    return due if due > now else due + interval
