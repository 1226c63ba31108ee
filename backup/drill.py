"""A drill: the newest snapshot restored into scratch, business checks run on it, RPO and RTO measured, torn down."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from backup.checks import Check, Instant, Outcome, run_checks
from backup.errors import BackupError
from backup.progress import OnProgress, Progress, silent
from backup.proofs import DrillResult, Phase, Proofs
from backup.report import markdown
from backup.repository import Repository
from backup.restore import fill
from backup.snapshot import Snapshot
from backup.workspace import Workspace


def drill(
    repository: Repository,
    workspace: Workspace,
    checks: Sequence[Check],
    clock: Callable[[], float],
    source: str = "",
    on_progress: OnProgress = silent,
) -> DrillResult:
    """Proves the newest snapshot, or says why it proves nothing; either way the result is kept in the repository.

    Raises WrongUse when there is nothing to drill.
    """
    started = clock()
    watch = _Watch()
    with repository.reading():
        snapshot = repository.catalog.find("latest", source)
        with workspace.folder("drill") as folder:
            reason, outcomes = _prove(repository, snapshot, folder, checks, started, watch, on_progress)
        result = _result(snapshot, started, reason, outcomes, watch)
        Proofs(repository.storage).write(result, markdown(result))
    on_progress(Progress("done", snapshot.bytes, snapshot.bytes, result.id))
    return result


def _prove(
    repository: Repository, snapshot: Snapshot, folder: Path, checks: Sequence[Check], started: float,
    watch: _Watch, on_progress: OnProgress,
) -> tuple[str, tuple[Outcome, ...]]:  # fmt: skip
    """Why it failed ('' when it did not), and what the checks said."""
    try:
        with watch.phase("restore"):
            fill(repository, snapshot, folder, on_progress)
    except BackupError as error:
        return f"restore: {error.message}", ()
    with watch.phase("checks"):
        on_progress(Progress("checks", 0, len(checks)))
        outcomes = run_checks(checks, folder, snapshot.database, Instant(started, snapshot.time))
    failed = [f"{o.name}: {o.message}" for o in outcomes if not o.ok]
    return "; ".join(failed), outcomes


def _result(
    snapshot: Snapshot, started: float, reason: str, outcomes: tuple[Outcome, ...], watch: _Watch
) -> DrillResult:
    ages = [o.value for o in outcomes if o.kind == "newest" and o.value is not None]
    return DrillResult(
        id=f"{datetime.fromtimestamp(started, UTC):%Y%m%dT%H%M%S%fZ}", source=snapshot.source, snapshot=snapshot.id,
        started=started, ok=not reason, reason=reason, rpo_seconds=ages[0] if ages else None,
        rto_seconds=sum(p.seconds for p in watch.phases), snapshot_age_seconds=max(0.0, started - snapshot.time),
        bytes=snapshot.bytes, files=snapshot.files, phases=tuple(watch.phases), checks=outcomes,
    )  # fmt: skip


class _Watch:
    """Measures phases by the monotonic clock."""

    def __init__(self) -> None:
        self.phases: list[Phase] = []

    def phase(self, name: str) -> _Running:
        return _Running(self, name)


class _Running:
    def __init__(self, watch: _Watch, name: str) -> None:
        self._watch, self._name = watch, name

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._watch.phases.append(Phase(self._name, time.monotonic() - self._began))
