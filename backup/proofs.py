"""The results of drills, kept in the repository beside what they proved."""

from __future__ import annotations

from dataclasses import dataclass

from backup.checks import Outcome
from backup.errors import BackupError
from backup.snapshot import seal, unseal
from backup.storage import Storage

_FOLDER = "drills"


@dataclass(frozen=True)
class Phase:
    """A part of a drill and how long it took, in seconds."""

    name: str
    seconds: float


@dataclass(frozen=True)
class DrillResult:
    """A restore that was tried, and whether the business was in it.

    `rpo_seconds` is the age of the newest business row when the drill began (None: no such check ran);
    `rto_seconds` the time from the decision to restore to the last check.
    """

    id: str
    source: str
    snapshot: str
    started: float
    ok: bool
    reason: str
    rpo_seconds: float | None
    rto_seconds: float
    snapshot_age_seconds: float
    bytes: int
    files: int
    phases: tuple[Phase, ...]
    checks: tuple[Outcome, ...]


@dataclass(frozen=True)
class DrillListing:
    """Results, oldest first, and the names of those that cannot be read."""

    results: tuple[DrillResult, ...]
    damaged: tuple[str, ...]

    def of(self, source: str) -> tuple[DrillResult, ...]:
        return tuple(r for r in self.results if r.source == source)


class Proofs:
    """Writes and reads drill results: JSON for programs, Markdown for people."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def write(self, result: DrillResult, markdown: str) -> str:
        """Keeps a result; returns the report's name in the repository."""
        name = f"{_FOLDER}/{result.id}.md"
        self._storage.put(name, markdown.encode())
        self._storage.put(f"{_FOLDER}/{result.id}.json", seal(result))
        return name

    def read(self) -> DrillListing:
        found: list[DrillResult] = []
        damaged: list[str] = []
        for name in self._storage.list(_FOLDER):
            if not name.endswith(".json"):
                continue
            try:
                found.append(_result(unseal(self._storage.get(name), name)))
            except (BackupError, TypeError, KeyError):
                damaged.append(name.rsplit("/", 1)[1].removesuffix(".json"))
        return DrillListing(tuple(sorted(found, key=lambda r: r.started)), tuple(damaged))


def _result(body: dict[str, object]) -> DrillResult:
    phases = tuple(Phase(**p) for p in body["phases"])  # type: ignore[attr-defined]
    checks = tuple(Outcome(**c) for c in body["checks"])  # type: ignore[attr-defined]
    return DrillResult(**{**body, "phases": phases, "checks": checks})  # type: ignore[arg-type]
