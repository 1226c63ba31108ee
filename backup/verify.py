"""Verification: every catalog entry, every list of files, every chunk, read and checked."""

from __future__ import annotations

from dataclasses import dataclass

from backup.errors import BackupError
from backup.progress import OnProgress, Progress, silent
from backup.proofs import Proofs
from backup.repository import Repository
from backup.snapshot import Snapshot


@dataclass(frozen=True)
class Damage:
    """Something that is wrong. `snapshots` are the ids that cannot be restored because of it."""

    what: str
    snapshots: tuple[str, ...]


@dataclass(frozen=True)
class Verified:
    """What was read, and what was wrong with it."""

    snapshots: int
    chunks: int
    bytes: int
    damage: tuple[Damage, ...]

    @property
    def ok(self) -> bool:
        return not self.damage


def verify(repository: Repository, on_progress: OnProgress = silent) -> Verified:
    """Reads everything that any snapshot needs, and everything else that lies in the repository."""
    with repository.reading():
        listing = repository.catalog.read()
        damage = [Damage(f"catalog entry {key} is damaged", (key,)) for key in listing.damaged]
        damage += [Damage(f"drill result {key} is damaged", ()) for key in Proofs(repository.storage).read().damaged]
        users = _users(repository, listing.snapshots, damage)
        total = _read_all(repository, users, damage, on_progress)
        return Verified(len(listing.snapshots), len(users), total, tuple(damage))


def _users(repository: Repository, snapshots: tuple[Snapshot, ...], damage: list[Damage]) -> dict[str, set[str]]:
    """Each chunk, and the snapshots that need it; chunks that none needs are read too."""
    users: dict[str, set[str]] = {key: set() for key in repository.chunks.stored()}
    for snapshot in snapshots:
        keys = set(snapshot.manifest)
        try:
            keys |= {key for file in repository.files(snapshot) for key in file.chunks}
        except BackupError as error:
            damage.append(Damage(f"the file list of {snapshot.id}: {error.message}", (snapshot.id,)))
        for key in keys:
            users.setdefault(key, set()).add(snapshot.id)
    return users


def _read_all(repository: Repository, users: dict[str, set[str]], damage: list[Damage], on_progress: OnProgress) -> int:
    total = 0
    for index, (key, needed) in enumerate(sorted(users.items())):
        on_progress(Progress("verify", index, len(users), key[:12]))
        try:
            total += len(repository.chunks.get(key))
        except BackupError as error:
            damage.append(Damage(error.message, tuple(sorted(needed))))
    on_progress(Progress("verify", len(users), len(users)))
    return total
