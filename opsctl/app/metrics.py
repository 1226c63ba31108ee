"""Wires the metrics process: store, scraping, rules, notifier, PromQL, API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, disable_created_metrics

from opsctl.api.prometheus import prometheus_api
from opsctl.api.prometheus_cors import ANY
from opsctl.api.prometheus_options import TITLE, WebOptions
from opsctl.api.prometheus_routing import Router
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
from opsctl.metrics.notifier import CAPACITY, Notifier, NotifierFigures
from opsctl.metrics.remote_figures import RemoteFigures
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
    notification_capacity: int = CAPACITY
    extra_scrape_metrics: bool = False
    databases: Mapping[str, Monitored] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)
    route_prefix: str = ""
    cors_origin: str = ANY
    page_title: str = TITLE
    quit: Callable[[], None] = lambda: None

    @property
    def web(self) -> WebOptions:
        """How the API is served."""
        return WebOptions(
            external_url=self.external_url or f"http://{self.listen}", listen=self.listen, route_prefix=self.route_prefix,
            cors_origin=self.cors_origin, page_title=self.page_title, lifecycle=self.lifecycle, flags=self.flags, quit=self.quit,
        )  # fmt: skip

    @property
    def prefix(self) -> str:
        """What all paths begin with."""
        return self.web.prefix


class MetricsProcess:
    """The metrics process, to be run by serve."""

    def __init__(self, monitoring: Monitoring, asgi: Router, pools: tuple[ThreadPoolExecutor, ...]) -> None:
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
    scraper = ScrapeManager(writing.append, clock, parse, ScrapeFigures(registry), options.extra_scrape_metrics)
    notifier = Notifier(NotifierFigures(registry), options.notification_capacity)
    lookback, limits = options.query_lookback, Limits(max_samples=options.query_samples)
    queries = Queries(
        storage, query, registry, options.query_timeout, lookback, limits, home.evaluator, options.query_concurrency
    )
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
    return MetricsProcess(monitoring, prometheus_api(monitoring, options.web, receiver), pools)
