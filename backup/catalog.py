"""The list of snapshots. A backup exists only when its entry is here, and an entry is one atomic write."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from backup.errors import BackupError, WrongUse
from backup.snapshot import Snapshot, seal, snapshot_of, unseal
from backup.storage import Storage

_FOLDER = "snapshots"


@dataclass(frozen=True)
class Listing:
    """Snapshots, oldest first, and the ids of entries that cannot be trusted."""

    snapshots: tuple[Snapshot, ...]
    damaged: tuple[str, ...]

    def of(self, source: str) -> tuple[Snapshot, ...]:
        return tuple(s for s in self.snapshots if s.source == source)

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(sorted({s.source for s in self.snapshots}))


class Catalog:
    """The snapshots of one repository. Numbers only grow, so a clock that jumps changes no order."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def read(self) -> Listing:
        sound: list[Snapshot] = []
        damaged: list[str] = []
        for name in self._storage.list(_FOLDER):
            key = _key(name)
            try:
                found = snapshot_of(unseal(self._storage.get(name), name))
                if found.id != key:
                    raise BackupError(f"{name} is the entry of {found.id}")
                sound.append(found)
            except (BackupError, TypeError):
                damaged.append(key)
        return Listing(tuple(sorted(sound, key=lambda s: s.number)), tuple(damaged))

    def next_id(self, now: float) -> tuple[str, int]:
        """The id and number that the next snapshot gets; only under the write lock."""
        number = 1 + max((_number(_key(n)) for n in self._storage.list(_FOLDER)), default=0)
        return f"{number:06d}-{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}", number

    def publish(self, snapshot: Snapshot) -> None:
        """From here on the snapshot exists."""
        self._storage.put(f"{_FOLDER}/{snapshot.id}.json", seal(snapshot))

    def delete(self, key: str) -> None:
        self._storage.delete(f"{_FOLDER}/{key}.json")

    def find(self, key: str, source: str = "") -> Snapshot:
        """A snapshot by id, a part of its id that fits one alone, or `latest` (of a source).

        Raises WrongUse when several sources or none fit, BackupError when the newest entry is damaged:
        an older snapshot never silently takes its place.
        """
        listing = self.read()
        if key != "latest":
            return _by_id(listing, key)
        chosen = listing.of(source) if source else listing.snapshots
        if not source and len(listing.sources) > 1:
            raise WrongUse("the repository holds several sources", f"--source one of: {', '.join(listing.sources)}")
        newest = chosen[-1] if chosen else None
        worse = [d for d in listing.damaged if newest is None or _number(d) > newest.number]
        if worse:
            older = f"restore {newest.id} by its id, if that age will do" if newest else "opsctl backup verify"
            raise BackupError(f"the newest catalog entry {worse[-1]} is damaged", older)
        if newest is None:
            raise WrongUse("no snapshot" + (f" of {source}" if source else ""), "make one: opsctl backup run")
        return newest


def _by_id(listing: Listing, key: str) -> Snapshot:
    fitting = [s for s in listing.snapshots if s.id == key] or [s for s in listing.snapshots if key in s.id]
    if len(fitting) == 1:
        return fitting[0]
    if any(key in d for d in listing.damaged):
        raise BackupError(f"the catalog entry {key} is damaged", "opsctl backup verify names all damage")
    raise WrongUse(f"{len(fitting) or 'no'} snapshots fit {key!r}", "see: opsctl backup list")


def _key(name: str) -> str:
    return name.rsplit("/", 1)[1].removesuffix(".json")


def _number(key: str) -> int:
    head = key.partition("-")[0]
    return int(head) if head.isdigit() else 0
