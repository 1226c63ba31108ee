"""Which snapshots may go: a pure plan with a reason for each, and the small act that follows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backup.errors import Busy
from backup.repository import Repository
from backup.snapshot import Snapshot

_SUSPICIOUS = 0.5


@dataclass(frozen=True)
class Decision:
    """Keep or delete, and why."""

    snapshot: str
    keep: bool
    reason: str


@dataclass(frozen=True)
class Pruned:
    """What was decided, and whether it was done; `postponed` says why not."""

    decisions: tuple[Decision, ...]
    freed: int
    postponed: str = ""


def plan_retention(snapshots: Sequence[Snapshot], keep_last: int, proven: Sequence[str] = ()) -> tuple[Decision, ...]:
    """Decides over one source's snapshots, oldest first. Never plans to delete the newest one, the newest
    proven one, or anything while the newest has less than half the bytes of the one before it."""
    newest_first = list(reversed(snapshots))
    if len(newest_first) > 1 and newest_first[0].bytes < _SUSPICIOUS * newest_first[1].bytes:
        return tuple(Decision(s.id, True, "the newest is suspiciously small: nothing is deleted") for s in snapshots)
    last_proven = next((s.id for s in newest_first if s.id in set(proven)), "")
    return tuple(
        _decide(s, rank, max(1, keep_last), last_proven) for rank, s in reversed(list(enumerate(newest_first)))
    )


def _decide(snapshot: Snapshot, rank: int, keep_last: int, last_proven: str) -> Decision:
    if rank < keep_last:
        return Decision(snapshot.id, True, f"keep-last {keep_last}: number {rank + 1} from the newest")
    if snapshot.id == last_proven:
        return Decision(snapshot.id, True, "the newest that a drill has proven")
    return Decision(snapshot.id, False, f"older than the last {keep_last}")


def prune(repository: Repository, decisions: Sequence[Decision]) -> Pruned:
    """Deletes what the plan says: entries first, then what they alone needed. Waits for the next time while
    something is being restored, verified or drilled."""
    doomed = [d.snapshot for d in decisions if not d.keep]
    if not doomed:
        return Pruned(tuple(decisions), 0)
    try:
        with repository.writing(), repository.reading(exclusive=True):
            for key in doomed:
                repository.catalog.delete(key)
            return Pruned(tuple(decisions), repository.reclaim())
    except Busy as error:
        return Pruned(tuple(decisions), 0, error.message)
