"""Wires the metrics process: store, scraping, rules, notifier, PromQL, API."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, disable_created_metrics
from starlette.applications import Starlette

from opsctl.api.prometheus import PrometheusApi
from opsctl.core.clock import SystemClock
from opsctl.core.memory import return_memory
from opsctl.flows.alert_journal import AlertJournal
from opsctl.flows.engines import open_home
from opsctl.flows.monitoring import Monitoring
from opsctl.flows.queries import Queries
from opsctl.flows.receiving import Receiver
from opsctl.flows.remote_writing import RemoteWriting
from opsctl.flows.rule_figures import RuleFigures
from opsctl.flows.ruling import Ruler
from opsctl.metrics.census import SeriesLimits
from opsctl.metrics.notifier import Notifier, NotifierFigures
from opsctl.metrics.remote_writer import RemoteFigures
from opsctl.promql import Limits
from opsctl.promql.scope import MAX_SAMPLES
from opsctl.rules.restore import OUTAGE_TOLERANCE
from opsctl.rules.sending import RESEND_DELAY
from opsctl.scrape.collectors import Collectors, Monitored
from opsctl.scrape.figures import ScrapeFigures
from opsctl.scrape.manager import ScrapeManager


@dataclass(frozen=True, kw_only=True)
class MetricsOptions:
    """What the metrics process is told. `databases`: those of the inventories, by name; times in seconds."""

    config_file: Path
    storage_path: Path
    listen: str
    external_url: str = ""
    retention_seconds: float = 90 * 86_400.0
    retention_bytes: int = 0
    series_limits: SeriesLimits = field(default_factory=SeriesLimits)
    lifecycle: bool = False
    write_receiver: bool = False
    engine: str = "embedded"
    engine_url: str = ""
    engine_token_file: Path | None = None
    query_timeout: float = 120.0
    query_concurrency: int = 4
    query_lookback: float = 300.0
    query_samples: int = MAX_SAMPLES
    resend_delay: float = RESEND_DELAY
    outage_tolerance: float = OUTAGE_TOLERANCE
    grace_period: float = 0.0
    databases: Mapping[str, Monitored] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)


class MetricsProcess:
    """The metrics process, to be run by serve."""

    def __init__(self, monitoring: Monitoring, asgi: Starlette, pools: tuple[ThreadPoolExecutor, ...]) -> None:
        self.monitoring = monitoring
        self.asgi = asgi
        self._pools = pools

    async def start(self) -> None:
        await self.monitoring.start()

    async def stop(self) -> None:
        await self.monitoring.stop()
        for pool in self._pools:
            pool.shutdown(wait=False, cancel_futures=True)

    async def reload(self) -> None:
        await self.monitoring.reload()


def build_metrics(options: MetricsOptions) -> MetricsProcess:
    """Opens the store and wires everything; nothing runs yet. Raises StateError when the folder is in use."""
    return_memory()
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    clock = SystemClock()
    home = open_home(
        options.engine, folder=options.storage_path, retention_seconds=options.retention_seconds, registry=registry,
        retention_bytes=options.retention_bytes, series_limits=options.series_limits, query_timeout=options.query_timeout, url=options.engine_url, token_file=options.engine_token_file,
    )  # fmt: skip
    storage = home.storage
    pools = (
        ThreadPoolExecutor(options.query_concurrency, "query"), ThreadPoolExecutor(8, "collector"),
        ThreadPoolExecutor(1, "disk"), ThreadPoolExecutor(2, "parse"), ThreadPoolExecutor(2, "rule"),
    )  # fmt: skip
    query, collector, disk, parse, rule = pools
    writing = RemoteWriting(storage, options.storage_path / "remote_write", clock, RemoteFigures(registry), home.lanes)
    scraper = ScrapeManager(writing.append, clock, parse, ScrapeFigures(registry))
    notifier = Notifier(NotifierFigures(registry))
    lookback, limits = options.query_lookback, Limits(max_samples=options.query_samples)
    queries = Queries(storage, query, registry, options.query_timeout, lookback, limits, home.evaluator)
    journal = AlertJournal(options.storage_path / "alerts.json", options.outage_tolerance, options.grace_period)
    ruler = Ruler(
        storage, notifier.send, journal, clock, rule, RuleFigures(registry),
        options.external_url or f"http://{options.listen}", writing.append, home.evaluator, lookback=lookback, limits=limits,
        resend_delay=options.resend_delay,
    )  # fmt: skip
    monitoring = Monitoring(
        options.config_file, home, scraper, ruler, notifier, queries,
        Collectors(options.databases, collector), writing, clock, disk, registry, options.retention_seconds,
    )  # fmt: skip
    receiver = Receiver(writing.append, clock, registry) if options.write_receiver else None
    api = PrometheusApi(monitoring, dict(options.flags), options.lifecycle, receiver)
    return MetricsProcess(monitoring, api.asgi(), pools)
