"""A repository: storage, chunks and catalog together, with a format version and its locks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from backup.catalog import Catalog
from backup.chunks import Chunks, cut_bytes
from backup.errors import BackupError, WrongUse
from backup.snapshot import File, Snapshot, pack_files, unpack_files
from backup.storage import LocalFolder, Storage

_MARK = "REPOSITORY"
_TEXT = b"opsctl backup repository, format 1\n"


class Repository:
    """What all verbs work on. Made by `open_repository`."""

    def __init__(self, storage: Storage, name: str) -> None:
        self.storage = storage
        self.name = name
        self.chunks = Chunks(storage)
        self.catalog = Catalog(storage)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Held by a backup and by the deletion of snapshots: one at a time."""
        with self.storage.lock("write", exclusive=True):
            yield

    def reading(self, exclusive: bool = False) -> AbstractContextManager[None]:
        """Held by restore, verify and drill together; by a deletion alone, so that nothing in use goes."""
        return self.storage.lock("read", exclusive)

    def write_manifest(self, files: list[File]) -> tuple[tuple[str, ...], int]:
        put = [self.chunks.put(part) for part in cut_bytes(pack_files(files))]
        return tuple(key for key, _ in put), sum(stored for _, stored in put)

    def files(self, snapshot: Snapshot) -> list[File]:
        """The files of a snapshot. Raises BackupError when its list is damaged."""
        return unpack_files(b"".join(self.chunks.get(key) for key in snapshot.manifest))

    def reclaim(self) -> int:
        """Removes what no snapshot refers to; the bytes regained. Only under the write lock.

        While a catalog entry is damaged nothing is known to be dead, so only half-written parts go.
        """
        freed = self.storage.sweep()
        listing = self.catalog.read()
        if listing.damaged:
            return freed
        try:
            alive = {key for s in listing.snapshots for key in s.manifest}
            alive |= {key for s in listing.snapshots for f in self.files(s) for key in f.chunks}
        except BackupError:
            return freed
        return freed + sum(self.chunks.delete(key) for key in self.chunks.stored() if key not in alive)


def open_repository(location: str | Path, create: bool = False) -> Repository:
    """The repository at a folder; `create` makes an empty or missing folder into one.

    Raises WrongUse when the folder holds something else.
    """
    path = Path(location).expanduser().resolve()
    storage = LocalFolder(path)
    if storage.size(_MARK) is None:
        _refuse_other(path, create)
        storage.put(_MARK, _TEXT)
    if storage.get(_MARK) != _TEXT:
        raise BackupError(f"{path / _MARK} does not name a format known here", "use the newer opsctl, or it is damaged")
    return Repository(storage, str(path))


def _refuse_other(path: Path, create: bool) -> None:
    if not create:
        raise WrongUse(f"{path} is not a backup repository", "name one with --repo; opsctl backup run makes it")
    ours = {"parts", "locks", "scratch"}
    if path.exists() and any(p.name not in ours for p in path.iterdir()):
        raise WrongUse(f"{path} is not empty and not a backup repository", "name an empty or new folder")
