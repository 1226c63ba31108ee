"""One backup: reclaim, hold an instant, store it, publish the catalog entry last."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from backup.chunks import cut
from backup.errors import BackupError, NotReachable
from backup.progress import OnProgress, Progress, silent
from backup.repository import Repository
from backup.snapshot import File, Snapshot
from backup.source import Held, Source
from backup.workspace import Workspace


@dataclass(frozen=True)
class Done:
    """A published snapshot, and the bytes that dead attempts had left and this run regained."""

    snapshot: Snapshot
    reclaimed: int


def back_up(
    source: Source,
    repository: Repository,
    workspace: Workspace,
    clock: Callable[[], float],
    on_progress: OnProgress = silent,
) -> Done:
    """A full backup that is listed when it is whole and not before, whatever dies in between.

    Raises NotReachable (source, space, lock), BackupError (the source is damaged).
    """
    with repository.writing():
        reclaimed = repository.reclaim()
        expected = source.size()
        _check_space(repository, expected)
        with workspace.folder("backup") as work:
            held = source.hold(work, clock, on_progress)
            files, stored = _store(held, repository, expected, on_progress)
        manifest, more = repository.write_manifest(files)
        key, number = repository.catalog.next_id(held.time)
        snapshot = Snapshot(
            id=key, number=number, kind="full", source=source.name, time=held.time, finished=clock(), parent="",
            bytes=sum(f.size for f in files), stored=stored + more, files=len(files),
            database=held.database, tables=dict(held.tables), manifest=manifest,
        )  # fmt: skip
        on_progress(Progress("publish", 0, 0, key))
        repository.catalog.publish(snapshot)
        on_progress(Progress("done", snapshot.bytes, snapshot.bytes, key))
        return Done(snapshot, reclaimed)


def _check_space(repository: Repository, expected: int) -> None:
    free = repository.storage.free()
    if free is not None and free < 2 * expected:
        raise NotReachable(
            f"{repository.name} has {free >> 20} MiB free, this backup may need {(2 * expected) >> 20} MiB",
            "free space, or name another repository",
        )


def _store(held: Held, repository: Repository, expected: int, on_progress: OnProgress) -> tuple[list[File], int]:
    files: list[File] = []
    stored = done = 0
    for path, local in held.files:
        on_progress(Progress("store", done, expected, path))
        try:
            file, added = _store_file(path, local, repository)
        except FileNotFoundError:
            continue  # deleted since the listing: an object that the held database does not name
        except OSError as error:
            raise NotReachable(f"{local} cannot be read: {error.strerror}") from error
        files.append(file)
        stored += added
        done += file.size
    if not files:
        raise BackupError("there is nothing to back up", "an empty backup would prove nothing")
    on_progress(Progress("store", done, max(done, expected)))
    return files, stored


def _store_file(path: str, local: Path, repository: Repository) -> tuple[File, int]:
    digest = hashlib.sha256()
    keys: list[str] = []
    size = stored = 0
    with local.open("rb") as file:
        for part in cut(file):
            digest.update(part)
            key, added = repository.chunks.put(part)
            keys.append(key)
            size += len(part)
            stored += added
        info = local.stat()
    return File(path, size, info.st_mode & 0o777, info.st_mtime, digest.hexdigest(), tuple(keys)), stored
