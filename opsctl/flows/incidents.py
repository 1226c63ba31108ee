"""What incidents and their reports take from runbooks and logs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opsctl.incidents.reporter import Figure
from opsctl.incidents.seen import SeenRun
from opsctl.logs.query import parse_query
from opsctl.logs.store import LogStore
from opsctl.model.logline import LogLine
from opsctl.runbook.library import Library
from opsctl.runbook.store import Runs
from opsctl.runbook.view import run_view


def run_events(runs: Runs) -> Callable[[int], Sequence[SeenRun]]:
    """What runbooks did after an event, as incidents' timelines take it."""

    def after(number: int) -> list[SeenRun]:
        return [
            SeenRun(
                id=e.id, run=e.run, runbook=e.runbook, fingerprint=e.fingerprint, dry_run=e.dry_run, at=e.at, step=e.step,
                zh=e.zh, en=e.en,
            )
            for e in runs.events(number)
        ]  # fmt: skip

    return after


def search_logs(store: LogStore) -> Callable[[str, float, float, int], Sequence[LogLine]]:
    """Log lines of a window."""
    return lambda query, start, end, limit: store.search(parse_query(query, end), start, end, limit).lines


def runs_of(runs: Runs) -> Callable[[str], Sequence[Mapping[str, Any]]]:
    """The runs of runbooks for an alert, oldest first."""
    return lambda fingerprint: [
        run_view(runs.state(r["id"])) for r in reversed(runs.recent(50, fingerprint, "")) if fingerprint
    ]


def figures_of(library: Library) -> Callable[[str], Sequence[Figure]]:
    """The figures that a runbook names for the report."""

    def of(name: str) -> list[Figure]:
        if not name or name not in {b.name for b in library.all()}:
            return []
        return [Figure(f.title.zh, f.query, f.unit) for f in library.get(name).figures]

    return of
