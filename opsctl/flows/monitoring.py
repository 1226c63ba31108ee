"""target → scrape → samples → rules → alerts.

The whole sentence on one screen. One asyncio loop a target, one a rule group, one for the disk; below them all is
synchronous, and what may take long runs in bounded pools of threads.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge

from opsctl.core.clock import Clock
from opsctl.core.errors import NotFound, OpsctlError
from opsctl.core.log import Log
from opsctl.flows.engines import Home
from opsctl.flows.metrics_usage import By, Report, report
from opsctl.flows.queries import Queries
from opsctl.flows.remote_writing import RemoteWriting
from opsctl.flows.ruling import Ruler
from opsctl.metrics.notifier import Notifier, Receiver
from opsctl.scrape.collectors import Collectors
from opsctl.scrape.config import PrometheusConfig, load_config
from opsctl.scrape.manager import ScrapeManager

LOG = Log("opsctl.flows.monitoring")
_MAINTAIN_EVERY = 1.0


class Monitoring:
    """The metrics process without its API: configured from one prometheus.yml, swapped whole on reload."""

    def __init__(
        self, file: Path, home: Home, scraper: ScrapeManager, ruler: Ruler, notifier: Notifier,
        queries: Queries, collectors: Collectors, writing: RemoteWriting, clock: Clock, disk: Executor, registry: CollectorRegistry,
        retention_seconds: float,
    ) -> None:  # fmt: skip
        self._home, self.scraper, self.ruler, self.notifier = home, scraper, ruler, notifier
        self.storage = home.storage
        self.queries, self.collectors, self.registry = queries, collectors, registry
        self.retention_seconds = retention_seconds
        self._file, self._clock, self._disk, self._writing = file, clock, disk, writing
        self.config = PrometheusConfig()
        self.started_at, self.reloaded_at, self.reload_ok = clock.now(), 0.0, False
        self._maintaining: asyncio.Task[None] | None = None
        self._figures(registry)

    def _figures(self, registry: CollectorRegistry) -> None:
        self._ok = Gauge(
            "prometheus_config_last_reload_successful", "Whether the last reload succeeded.", registry=registry
        )
        self._at = Gauge(
            "prometheus_config_last_reload_success_timestamp_seconds", "When it last did.", registry=registry
        )
        self._failures = Counter(
            "opsctl_tsdb_maintain_failures", "Unexpected errors caught by the disk's loop.", registry=registry
        )

    def now_ms(self) -> int:
        return int(self._clock.now() * 1000)

    def metric_counts(self) -> dict[str, int]:
        return self._home.metric_counts()

    def usage(self, by: By, limit: int) -> Report:
        """What eats the store's space. Raises NotFound where the store is an engine elsewhere."""
        if self._home.weighed is None:
            raise NotFound("the samples are in an engine elsewhere", "ask its own status/tsdb")
        return report(self.storage, self._home.weighed(), self.storage.status(), by, limit, self.now_ms())

    async def start(self) -> None:
        """Begins to scrape and to evaluate. Raises DocumentError when the configuration is bad."""
        await self.notifier.start()
        await self.scraper.start(PrometheusConfig())
        await self.reload()
        self._maintaining = asyncio.create_task(self._maintain_loop())

    async def reload(self) -> None:
        """Loads prometheus.yml and all its rule files, then takes them whole; a bad one leaves the old in force."""
        try:
            config = await asyncio.to_thread(load_config, self._file)
            groups = await asyncio.to_thread(self.ruler.load, config)
            restored = await asyncio.to_thread(self.ruler.restored, groups)
        except OpsctlError:
            self.reload_ok = False
            self._ok.set(0)
            raise
        self.config = config
        await self._writing.apply(config)
        self._apply(config)
        self.ruler.apply(groups, config, restored)
        self.reload_ok, self.reloaded_at = True, self._clock.now()
        self._ok.set(1)
        self._at.set(self.reloaded_at)

    def _apply(self, config: PrometheusConfig) -> None:
        managers = config.alerting.alertmanagers
        receivers = [Receiver(url, m.timeout, m, config.root) for m in managers for url in m.urls()]
        self._home.take_late(config.storage.tsdb.out_of_order_time_window)
        self.queries.default_step_ms = int(config.global_.evaluation_interval * 1000)
        self.notifier.configure(receivers, config.global_.external_labels, config.alerting.alert_relabel_configs)
        self.scraper.apply(config)

    async def stop(self) -> None:
        """Ends the loops in the order of the sentence; what was appended is durable afterwards."""
        if self._maintaining is not None:
            self._maintaining.cancel()
        await self.scraper.stop()
        await self.ruler.stop()
        await self.notifier.stop()
        await self._writing.stop()
        await asyncio.get_running_loop().run_in_executor(self._disk, self._home.close)

    async def _maintain_loop(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._clock.sleep(_MAINTAIN_EVERY)
            try:
                await loop.run_in_executor(self._disk, self.storage.maintain, self._clock.now())
                await loop.run_in_executor(self._disk, self._writing.sync)
            except Exception as error:
                self._failures.inc()
                LOG.error("metrics.maintain_failed", exc=error)
