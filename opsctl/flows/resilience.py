"""Resilience: source → backup → catalog → retention → restore into scratch → business checks → RPO and RTO."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backup import drill as drilling
from backup import retention, run, verify
from backup.checks import Check, Checks, checked
from backup.errors import BackupError, Busy, NotReachable, WrongUse
from backup.progress import OnProgress, silent
from backup.proofs import DrillResult, Proofs
from backup.repository import Repository, open_repository
from backup.snapshot import Snapshot
from backup.source import Source, SqliteSource
from backup.status import SourceStatus, Status, status
from backup.workspace import Workspace
from opsctl.core.document import load
from opsctl.core.errors import Conflict, NotFound, OpsctlError, Unreachable, UsageError
from opsctl.model.inventory import DatabaseOf, Inventory
from opsctl.resilience.policy import BackupPolicy, SourceOf, due

_SQLITE = "sqlite:///"


@dataclass(frozen=True)
class RunResult:
    """A published snapshot, and what retention decided after it."""

    snapshot: Snapshot
    reclaimed: int
    retention: retention.Pruned


@dataclass(frozen=True)
class Due:
    """A verb whose time came while nobody was there to do it."""

    verb: str
    source: str


class Resilience:
    """The verbs over the sources of `backup.yml`. Each raises OpsctlError with what to do.

    `systems` are the inventories by name, `home` the state folder.
    """

    def __init__(
        self, policy: BackupPolicy, systems: Mapping[str, Inventory], home: Path, clock: Callable[[], float] = time.time
    ) -> None:
        self.policy = policy
        self._systems = systems
        self._folder = Path(policy.repository).expanduser()
        if not self._folder.is_absolute():
            self._folder = home / self._folder
        self._clock = clock
        self._workspace = Workspace(self._folder / "scratch")

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(s.database for s in self.policy.sources)

    def run(self, source: str, on_progress: OnProgress = silent) -> RunResult:
        """Backs one source up, then deletes what its retention lets go."""
        wanted = self.policy.source(source)
        with _translated():
            repository = open_repository(self._folder, create=True)
            made = run.back_up(self._source(wanted), repository, self._workspace, self._clock, on_progress)
            proven = [d.snapshot for d in Proofs(repository.storage).read().of(source) if d.ok]
            plan = retention.plan_retention(repository.catalog.read().of(source), wanted.keep_last, proven)
            return RunResult(made.snapshot, made.reclaimed, retention.prune(repository, plan))

    def drill(self, source: str, on_progress: OnProgress = silent) -> DrillResult:
        """Restores the newest snapshot into scratch and runs the business checks on it."""
        checks = self.checks(self.policy.source(source))
        with _translated():
            return drilling.drill(self._open(), self._workspace, checks, self._clock, source, on_progress)

    def verify(self, on_progress: OnProgress = silent) -> verify.Verified:
        """Reads and checks all that the repository holds."""
        with _translated():
            return verify.verify(self._open(), on_progress)

    def list(self) -> tuple[Snapshot, ...]:
        """All snapshots, oldest first."""
        with _translated():
            return self._open().catalog.read().snapshots if self._made() else ()

    def drills(self) -> tuple[DrillResult, ...]:
        """All drill results, oldest first."""
        with _translated():
            return Proofs(self._open().storage).read().results if self._made() else ()

    def report(self, drill: str) -> str:
        """A drill's report in Markdown."""
        if not any(d.id == drill for d in self.drills()):
            raise NotFound(f"no drill {drill!r}", "see: opsctl backup status")
        with _translated():
            return self._open().storage.get(f"drills/{drill}.md").decode()

    def status(self) -> Status:
        """Where each source stands; one that was never backed up is listed with nothing."""
        with _translated():
            found = status(self._open()) if self._made() else Status(str(self._folder), (), ())
        known = {s.source for s in found.sources}
        fresh = tuple(_never(name) for name in self.sources if name not in known)
        return Status(found.repository, found.sources + fresh, found.damaged)

    def missed(self, now: float) -> tuple[Due, ...]:
        """What the calendar would have done since the last time, in the order to do it: at start, after a stand-still."""
        found: list[Due] = []
        states = {s.source: s for s in self.status().sources}
        for each in self.policy.sources:
            state = states[each.database]
            if due(each.schedule, state.last_success, now):
                found.append(Due("run", each.database))
            if due(each.drill, state.last_drill, now):
                found.append(Due("drill", each.database))
        return tuple(found)

    def checks(self, source: SourceOf) -> tuple[Check, ...]:
        """The business checks of a source. Raises DocumentError with file and line."""
        name = source.checks or self._database(source).checks
        if not name:
            return ()
        with _translated():
            return checked(load(Path(name), Checks))

    def _source(self, source: SourceOf) -> Source:
        database = self._database(source)
        if not database.url.startswith(_SQLITE):
            raise UsageError(
                f"{source.database}: {database.url.partition(':')[0]} cannot be backed up yet",
                "only sqlite:///PATH can",
            )
        objects = Path(database.objects) if database.objects else None
        path = Path(database.url.removeprefix(_SQLITE))
        return SqliteSource(source.database, path, objects if objects and objects.is_dir() else None, source.exclude)

    def _database(self, source: SourceOf) -> DatabaseOf:
        system = self._systems.get(source.system)
        found = system.database(source.database) if system else None
        if found is None:
            raise UsageError(
                f"backup.yml: no database {source.database!r} in system {source.system!r}",
                f"systems of opsctl.yml: {', '.join(self._systems) or 'none'}",
            )
        return found

    def _made(self) -> bool:
        return self._folder.is_dir() and any(self._folder.iterdir())

    def _open(self) -> Repository:
        return open_repository(self._folder)


def _never(source: str) -> SourceStatus:
    return SourceStatus(source, 0, "", None, 0, None, None, "", None, None, None)


@contextmanager
def _translated() -> Iterator[None]:
    """Errors of the package `backup` as those of the product."""
    try:
        yield
    except BackupError as error:
        kinds: tuple[tuple[type[BackupError], type[OpsctlError]], ...] = (
            (WrongUse, UsageError), (Busy, Conflict), (NotReachable, Unreachable), (BackupError, OpsctlError),
        )  # fmt: skip
        kind = next(mapped for own, mapped in kinds if isinstance(error, own))
        raise kind(error.message, error.hint) from error
