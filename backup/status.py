"""Where each source stands: newest snapshot, newest drill, newest proof. Read from the repository alone."""

from __future__ import annotations

from dataclasses import dataclass

from backup.proofs import DrillResult, Proofs
from backup.repository import Repository
from backup.snapshot import Snapshot


@dataclass(frozen=True)
class SourceStatus:
    """One source. Times in epoch seconds, None where there is none yet."""

    source: str
    snapshots: int
    last_snapshot: str
    last_success: float | None
    last_bytes: int
    last_drill: float | None
    last_drill_ok: bool | None
    last_drill_reason: str
    last_proven: float | None
    rpo_seconds: float | None
    rto_seconds: float | None


@dataclass(frozen=True)
class Status:
    """A repository's sources, and the catalog entries that are damaged."""

    repository: str
    sources: tuple[SourceStatus, ...]
    damaged: tuple[str, ...]


def status(repository: Repository) -> Status:
    """Reads catalog and drill results; RPO and RTO are those of the newest proof."""
    listing = repository.catalog.read()
    drills = Proofs(repository.storage).read()
    found = tuple(_source(listing.of(source), drills.of(source)) for source in listing.sources)
    return Status(repository.name, found, listing.damaged)


def _source(snapshots: tuple[Snapshot, ...], drills: tuple[DrillResult, ...]) -> SourceStatus:
    newest = snapshots[-1]
    tried = drills[-1] if drills else None
    proof = next((d for d in reversed(drills) if d.ok), None)
    return SourceStatus(
        source=newest.source,
        snapshots=len(snapshots),
        last_snapshot=newest.id,
        last_success=newest.finished,
        last_bytes=newest.bytes,
        last_drill=tried.started if tried else None,
        last_drill_ok=tried.ok if tried else None,
        last_drill_reason=tried.reason if tried else "",
        last_proven=proof.started if proof else None,
        rpo_seconds=proof.rpo_seconds if proof else None,
        rto_seconds=proof.rto_seconds if proof else None,
    )
