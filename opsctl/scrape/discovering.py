"""The target groups of jobs from everywhere: written down, in files, in lists; `on_change` when they are others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from opsctl.core.clock import Clock
from opsctl.core.http_client import HttpClient
from opsctl.core.log import Log
from opsctl.scrape.config import ScrapeConfig
from opsctl.scrape.figures import ScrapeFigures
from opsctl.scrape.file_sd import TargetFiles
from opsctl.scrape.groups import Groups
from opsctl.scrape.http_sd import TargetLists

LOG = Log("opsctl.scrape")
_FILES_EVERY = 1.0


class Discovering:
    """Follows the sources of some jobs' targets."""

    def __init__(
        self, client: HttpClient, clock: Clock, figures: ScrapeFigures, name: str, on_change: Callable[[], None]
    ) -> None:
        self._clock, self._figures, self._name, self._on_change = clock, figures, name, on_change
        self._files = TargetFiles(figures.sd_failures.inc)
        self._lists = TargetLists(client, clock, on_change, figures.http_sd_failures.inc)
        self._jobs: Sequence[ScrapeConfig] = ()
        self._task: asyncio.Task[None] | None = None

    def configure(self, jobs: Sequence[ScrapeConfig]) -> None:
        """Takes the jobs of a configuration; lists that stay the same are not asked anew."""
        for gone in {job.job_name for job in self._jobs} - {job.job_name for job in jobs}:
            self._figures.discovered.remove(self._name, gone)
        self._jobs = jobs
        self._lists.configure(jobs)
        if self._task is None:
            self._task = asyncio.create_task(self._watch_files())

    def groups(self, job: ScrapeConfig) -> Groups:
        """A job's groups as they are now."""
        found = (*job.static_configs, *self._files.groups(job), *self._lists.groups(job))
        self._figures.discovered.labels(self._name, job.job_name).set(sum(len(group.targets) for group in found))
        return found

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._lists.stop()

    async def _watch_files(self) -> None:
        while True:
            await self._clock.sleep(_FILES_EVERY)
            try:
                if self._files.changed(job for job in self._jobs if job.file_sd_configs):
                    self._on_change()
                    for file, at in self._files.times().items():
                        self._figures.file_times.labels(file).set(at)
            except Exception as error:
                self._figures.failures.inc()
                LOG.error("scrape.files_failed", exc=error)
