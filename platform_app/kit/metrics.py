"""A service's own figures, on a registry of its own."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

disable_created_metrics()  # type: ignore[no-untyped-call]

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The registry of one service, with what all services count. `text` is the exposition."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        labels = ("service", "method", "route")
        self.requests = self.counter("http_requests_total", "HTTP requests answered.", (*labels, "status"))
        self.duration = self.histogram("http_request_duration_seconds", "Time to answer a request.", labels)
        self.database_errors = self.counter(
            "booking_database_errors_total", "Database calls that failed.", ("service", "kind")
        )
        self.loop_errors = self.counter("platform_loop_errors_total", "Background ticks that failed.", ("loop",))
        self.config_version = self.gauge("platform_config_version", "Configuration version in force.", ("service",))
        self.config_refused = self.counter("platform_config_refused_total", "Versions refused as wrong.", ("service",))
        self.outbox_pending = self.gauge("booking_outbox_pending", "Events not yet delivered.", ("service",))
        for kind in ("locked", "unreachable", "other"):
            self.database_errors.labels(service, kind)
        self.config_refused.labels(service)

    def counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Counter:
        """A counter; `name` ends in `_total`. Touch its label sets early, so that the first rise is seen."""
        return Counter(name, text, labels, registry=self.registry)

    def gauge(self, name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def histogram(self, name: str, text: str, labels: Sequence[str] = ()) -> Histogram:
        return Histogram(name, text, labels, registry=self.registry, buckets=BUCKETS)

    def text(self) -> bytes:
        return generate_latest(self.registry)
