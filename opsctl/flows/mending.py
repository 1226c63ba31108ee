"""alert → incident → runbook → report: what the rooms of incidents and runbooks tell each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opsctl.core.errors import NotFound
from opsctl.incidents.reporter import Figure
from opsctl.incidents.seen import SeenRun
from opsctl.incidents.source import AlertingSource
from opsctl.runbook.engine import FindAlert
from opsctl.runbook.library import Library
from opsctl.runbook.store import Runs
from opsctl.runbook.view import both, run_view


def find_alert(source: AlertingSource) -> FindAlert:
    """fingerprint → labels and annotations of an alert that fires now. Raises NotFound, Unreachable."""

    def find(fingerprint: str) -> Mapping[str, Any]:
        for alert in source.alerts():
            if alert.fingerprint == fingerprint:
                return {"labels": alert.labels, "annotations": alert.annotations}
        raise NotFound(f"no alert {fingerprint!r} fires now", "opsctl alerts list")

    return find


def run_events(runs: Runs) -> Callable[[int], Sequence[SeenRun]]:
    """What runbooks did, as incidents take it into their timelines."""

    def after(number: int) -> Sequence[SeenRun]:
        return [
            SeenRun(
                id=e.id, run=e.run, runbook=e.runbook, fingerprint=e.fingerprint, dry_run=e.dry_run, at=e.at,
                kind=e.kind, step=e.step, zh=e.zh, en=e.en,
            )
            for e in runs.events(number)
        ]  # fmt: skip

    return after


def runs_of(runs: Runs) -> Callable[[str], Sequence[Mapping[str, Any]]]:
    """The runs of runbooks for an alert, oldest first, as a report shows them."""

    def of(fingerprint: str) -> Sequence[Mapping[str, Any]]:
        return [run_view(runs.state(r["id"])) for r in reversed(runs.recent(50, fingerprint))]

    return of


def figures_of(library: Library) -> Callable[[str], Sequence[Figure]]:
    """The business figures that a runbook names, for the report of its incident."""

    def of(runbook: str) -> Sequence[Figure]:
        books = [b for b in library.all() if b.name == runbook]
        return [Figure(both(f.title.zh, f.title.en), f.query, f.unit) for b in books for f in b.figures]

    return of
