"""The runbooks' own figures, on a registry passed in."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter


class RunFigures:
    """opsctl_runbook_runs_total and opsctl_runbook_defects_total."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._runs = Counter(
            "opsctl_runbook_runs_total",
            "Runs of runbooks that ended.",
            ("runbook", "status", "dry_run"),
            registry=registry,
        )
        self._defects = Counter("opsctl_runbook_defects_total", "Runs broken off by a defect.", registry=registry)

    def ended(self, runbook: str, status: str, dry_run: bool) -> None:
        self._runs.labels(runbook, status, str(dry_run).lower()).inc()

    def defect(self) -> None:
        self._defects.inc()
