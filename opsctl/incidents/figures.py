"""The incidents' own figures, on a registry passed in."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from opsctl.incidents.incident import SEVERITIES, Incident

_BUCKETS = (10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 86_400)


class IncidentFigures:
    """opsctl_incidents_open{severity}, opsctl_incident_mtta_seconds, opsctl_incident_mttr_seconds, and the poll's own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._open = Gauge("opsctl_incidents_open", "Incidents open now.", ("severity",), registry=registry)
        self._unacked = Gauge(
            "opsctl_incidents_unacknowledged", "Open incidents that nobody has taken.", registry=registry
        )
        self._opened = Counter("opsctl_incidents_opened_total", "Incidents opened.", ("severity",), registry=registry)
        self._mtta = Histogram(
            "opsctl_incident_mtta_seconds", "From the first alert to its acknowledgement.", ("severity",),
            buckets=_BUCKETS, registry=registry,
        )  # fmt: skip
        self._mttr = Histogram(
            "opsctl_incident_mttr_seconds", "From the first alert to the end of the last.", ("severity",),
            buckets=_BUCKETS, registry=registry,
        )  # fmt: skip
        self._failures = Counter("opsctl_incidents_poll_failures_total", "Polls that failed.", registry=registry)
        self._last = Gauge(
            "opsctl_incidents_last_poll_timestamp_seconds", "When the last poll succeeded.", registry=registry
        )
        for severity in SEVERITIES:
            self._open.labels(severity)
            self._opened.labels(severity)

    def changed(self, was: Incident | None, now: Incident) -> None:
        """Counts what this change began or ended."""
        if was is None:
            self._opened.labels(now.severity).inc()
        if now.mtta is not None and (was is None or was.acked_at is None):
            self._mtta.labels(now.severity).observe(now.mtta)
        if now.mttr is not None and (was is None or was.closed_at is None):
            self._mttr.labels(now.severity).observe(now.mttr)

    def polled(self, incidents: Iterable[Incident], now: float) -> None:
        found = list(incidents)
        for severity in SEVERITIES:
            self._open.labels(severity).set(sum(i.severity == severity for i in found))
        self._unacked.set(sum(i.acked_at is None for i in found))
        self._last.set(now)

    def poll_failed(self) -> None:
        self._failures.inc()
