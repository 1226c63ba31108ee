"""The figures of log shipping, and of the store."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from opsctl.logs.ship import ShipResult
from opsctl.logs.store import LogStore, StoreStats


class LogFigures:
    """`opsctl_logs_*` on the registry of the ops process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._documents = Counter("opsctl_logs_documents_total", "Log lines stored.", registry=registry)
        self._bad = Counter(
            "opsctl_logs_bad_lines_total", "Lines that were no ECS JSON and are kept as text.", registry=registry
        )
        self._errors = Counter(
            "opsctl_logs_errors_total", "Steps of shipping that failed and are tried again.", registry=registry
        )
        self._lag = Gauge("opsctl_logs_lag_bytes", "Bytes written to log files and not yet stored.", registry=registry)
        self._files = Gauge("opsctl_logs_files", "Log files followed.", registry=registry)
        self._stored = Gauge("opsctl_logs_store_documents", "Log lines in the store.", registry=registry)
        self._bytes = Gauge("opsctl_logs_store_bytes", "Size of the log store.", registry=registry)
        self._damaged = Gauge(
            "opsctl_logs_store_damaged_days", "Days of the store that were put aside.", registry=registry
        )

    def shipped(self, result: ShipResult) -> None:
        """Counts a step."""
        self._documents.inc(result.lines)
        self._bad.inc(result.bad)
        self._lag.set(result.lag)
        self._files.set(result.files)

    def failed(self) -> None:
        """Counts a step that failed."""
        self._errors.inc()

    def measured(self, stats: StoreStats) -> None:
        """Shows the size of the store."""
        self._stored.set(stats.documents)
        self._bytes.set(stats.bytes)
        self._damaged.set(stats.damaged)


def retain(store: LogStore, retention_days: int, now: float) -> tuple[str, ...]:
    """Deletes the days that are older than the retention; the days that are gone."""
    return store.delete_before(now - retention_days * 86_400)
