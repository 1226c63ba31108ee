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
from opsctl.scrape.config import PrometheusConfig, ScrapeConfig, StaticConfig
from opsctl.scrape.fetch import BodyLimitExceeded, Page, ScrapeFailed, fetch
from opsctl.scrape.figures import ScrapeFigures
from opsctl.scrape.file_sd import TargetFiles
from opsctl.scrape.http_sd import TargetLists
from opsctl.scrape.parse import BadExposition, parse
from opsctl.scrape.sampler import LabelLimitExceeded, LimitExceeded, SampleLimitExceeded, Sampler
from opsctl.scrape.target import Dropped, Target, expand

LOG = Log("opsctl.scrape")
_LARGE = 256 * 1024
"""A longer page is parsed outside the event loop."""
_ON_TIME = 0.01
"""A scrape that begins this near its time is stamped with its time: even steps compress better."""
_FILES_EVERY = 5.0

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
    """Scrapes every target at its interval into `append`. A dead target never holds up another, nor itself."""

    def __init__(self, append: Append, clock: Clock, pool: Executor, figures: ScrapeFigures) -> None:
        self._append = append
        self._clock = clock
        self._pool = pool
        self._figures = figures
        self._config = PrometheusConfig()
        self._files = TargetFiles(figures.sd_failures.inc)
        self._client: HttpClient | None = None
        self._lists: TargetLists | None = None
        self._watch: asyncio.Task[None] | None = None
        self._active: dict[str, TargetState] = {}
        self.dropped: tuple[Dropped, ...] = ()

    @property
    def states(self) -> tuple[TargetState, ...]:
        return tuple(self._active.values())

    async def start(self, config: PrometheusConfig) -> None:
        self._client = HttpClient()
        self._lists = TargetLists(self._client, self._clock, self._retarget, self._figures.http_sd_failures.inc)
        self.apply(config)
        self._watch = asyncio.create_task(self._watch_files())

    async def stop(self) -> None:
        """Ends every loop. The series are not marked stale: a restart goes on with them."""
        tasks = [s.task for s in self._active.values() if s.task] + ([self._watch] if self._watch else [])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._active.clear()
        if self._lists is not None:
            await self._lists.stop()
        if self._client is not None:
            await self._client.close()

    def apply(self, config: PrometheusConfig) -> None:
        """Takes a new configuration: unchanged targets go on, new ones start, the others end stale."""
        assert self._lists is not None
        self._config = config
        self._lists.configure(config)
        self._retarget()

    def _retarget(self) -> None:
        """Takes the targets that the configuration, the files and the lists name now."""
        wanted: dict[str, Target] = {}
        dropped: list[Dropped] = []
        for job in self._config.scrape_configs:
            found = list(expand(job, self._groups(job)))
            wanted |= {t.source: t for t in found if isinstance(t, Target)}
            dropped += [t for t in found if isinstance(t, Dropped)]
        self._note_wrong(dropped)
        for source in [s for s in self._active if s not in wanted]:
            self._end(source)
        for source, target in wanted.items():
            known = self._active.get(source)
            if known is None or known.target != target:
                self._begin(target, known)
        self._count_pools()

    def _groups(self, job: ScrapeConfig) -> tuple[StaticConfig, ...]:
        assert self._lists is not None
        return (*job.static_configs, *self._files.groups(job, self._config.root), *self._lists.groups(job))

    def _note_wrong(self, dropped: list[Dropped]) -> None:
        """Takes the dropped; one with a reason is logged when it is new."""
        known, self.dropped = set(self.dropped), tuple(dropped)
        for one in dropped:
            if one.reason and one not in known:
                LOG.warning("scrape.target_refused", job=one.job.job_name, error=one.reason)

    def _begin(self, target: Target, before: TargetState | None) -> None:
        """Starts a target's loop; one whose configuration changed remembers its series."""
        if before is not None and before.task is not None:
            before.task.cancel()
        state = TargetState(target, Sampler(target, before.sampler if before else None))
        state.task = asyncio.create_task(self._loop(state))
        self._active[target.source] = state

    def _end(self, source: str) -> None:
        state = self._active.pop(source)
        if state.task is not None:
            state.task.cancel()
        self._keep(state.sampler.ended(int(self._clock.now() * 1000)))

    def _count_pools(self) -> None:
        self._figures.pools.clear()
        for job in self._config.scrape_configs:
            states = [s for s in self._active.values() if s.target.job.job_name == job.job_name]
            self._figures.pools.labels(job.job_name).set(len(states))
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
        began = self._clock.now()
        self._figures.lag.set(began - due)
        at = due if 0 <= began - due < _ON_TIME else began
        at_ms = round(at * 1000)
        try:
            page = await self._fetch(state)
            seconds = self._clock.now() - began
            batches = await self._parse(state.sampler, page, at_ms, seconds)
            state.health, state.error = "up", ""
        except (ScrapeFailed, BadExposition, LimitExceeded) as error:
            seconds = self._clock.now() - began
            self._note_failure(state, error)
            counts = error.counts if isinstance(error, LimitExceeded) else (0.0, 0.0, 0.0)
            batches = state.sampler.failed(at_ms, seconds, counts)
        state.at, state.seconds = at, seconds
        self._keep(*batches)

    async def _fetch(self, state: TargetState) -> Page:
        assert self._client is not None
        if state.refusal:
            raise ScrapeFailed(state.refusal)
        return await fetch(self._client, state.target, self._config.root)

    async def _parse(self, sampler: Sampler, page: Page, at_ms: int, seconds: float) -> list[Batch]:
        def work() -> list[Batch]:
            return sampler.page(parse(page.text, page.openmetrics), at_ms, seconds)

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
        if state.error != error:
            LOG.warning("scrape.failed", target=state.target.url, job=state.target.job.job_name, error=error)
        state.health, state.error = "down", error

    def _keep(self, *batches: Batch) -> None:
        became = self._append(*batches)
        self._figures.out_of_order.inc(became.out_of_order)
        self._figures.duplicate.inc(became.duplicate)
        self._figures.too_old.inc(became.too_old)

    async def _watch_files(self) -> None:
        while True:
            await self._clock.sleep(_FILES_EVERY)
            try:
                if any(job.file_sd_configs for job in self._config.scrape_configs):
                    self._retarget()
            except Exception as error:
                self._figures.failures.inc()
                LOG.error("scrape.files_failed", exc=error)


def next_tick(now: float, interval: float, offset: float) -> float:
    """The first instant after `now` that is `offset` past a multiple of `interval`."""
    due = now - now % interval + offset
    return due if due > now else due + interval
