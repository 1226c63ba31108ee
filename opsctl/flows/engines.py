"""The homes of metrics: our own store, or an engine with Prometheus' API. One tuple, read by `open_home`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from opsctl.core.folder import OwnedFolder
from opsctl.flows.evaluating import Evaluator, Pushed
from opsctl.metrics.census import SeriesLimits
from opsctl.metrics.figures import StoreFigures
from opsctl.metrics.remote import RemoteApi, RemoteStore
from opsctl.metrics.storage import Storage
from opsctl.metrics.store import EmbeddedStore
from opsctl.metrics.weights import Weighed
from opsctl.scrape.config import QueueConfig, RemoteWrite

ENGINE_LANE = "engine"
_DEADLINE = 0.2


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """What a home is opened with. `url` and `token_file` only for engines elsewhere; times in seconds."""

    folder: Path
    retention_seconds: float
    registry: CollectorRegistry
    retention_bytes: int = 0
    series_limits: SeriesLimits = field(default_factory=SeriesLimits)
    query_timeout: float = 120.0
    url: str = ""
    token_file: Path | None = None


@dataclass(frozen=True)
class Home:
    """Where samples are and who evaluates. `lanes`: remotes that get all samples besides those of prometheus.yml.

    `take_late` says how late samples may come, in seconds; an engine elsewhere has a setting of its own for that.
    """

    storage: Storage
    evaluator: Evaluator
    metric_counts: Callable[[], dict[str, int]]
    take_late: Callable[[float], None] = lambda seconds: None
    weighed: Callable[[], list[Weighed]] | None = None
    """What the series weigh; None where only the engine knows."""
    lanes: tuple[RemoteWrite, ...] = ()
    folder: OwnedFolder | None = None

    def close(self) -> None:
        """Makes everything durable and lets the folder go."""
        self.storage.close()
        if self.folder is not None:
            self.folder.close()


def _embedded(options: EngineOptions) -> Home:
    store = EmbeddedStore(
        options.folder, options.retention_seconds, options.retention_bytes, limits=options.series_limits
    )
    options.registry.register(StoreFigures(store.status))
    return Home(store, Evaluator(), store.metric_counts, store.take_late, store.weighed)


def _prometheus(options: EngineOptions) -> Home:
    folder = OwnedFolder(options.folder / ENGINE_LANE)
    api = RemoteApi(options.url, options.registry, min(30.0, options.query_timeout), options.token_file)
    store, pushed = RemoteStore(api), Pushed(api)
    lane = RemoteWrite(
        name=ENGINE_LANE, url=f"{options.url.rstrip('/')}/api/v1/write",
        bearer_token_file=str(options.token_file.resolve()) if options.token_file else "",
        queue_config=QueueConfig(batch_send_deadline=_DEADLINE),
    )  # fmt: skip
    evaluator = Evaluator(pushed.instant, pushed.range)
    return Home(store, evaluator, store.metric_counts, lanes=(lane,), folder=folder)


ENGINES: tuple[tuple[str, Callable[[EngineOptions], Home]], ...] = (
    ("embedded", _embedded),
    ("prometheus", _prometheus),
)


def open_home(engine: str, **options: Any) -> Home:
    """Opens the home of that name. Raises StateError when its folder is in use."""
    return dict(ENGINES)[engine](EngineOptions(**options))
