"""Restore: every chunk and file checked, the database opened and checked, then one rename."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path, PurePosixPath

from backup import sqlite
from backup.errors import BackupError, NotReachable, WrongUse
from backup.progress import OnProgress, Progress, silent
from backup.repository import Repository
from backup.snapshot import File, Snapshot


def restore(repository: Repository, snapshot: Snapshot, to: Path, on_progress: OnProgress = silent) -> Path:
    """Puts a snapshot into `to`, which is missing or empty before and whole after, or untouched.

    The database lies under its own name, objects under `objects/`, a folder's content as it was.
    Raises WrongUse when `to` holds something, BackupError when anything of the snapshot is damaged.
    """
    to = to.expanduser().absolute()
    _refuse_full(to)
    part = to.with_name(f".{to.name}.part")
    with repository.reading():
        shutil.rmtree(part, ignore_errors=True)
        try:
            _check_space(to.parent, snapshot)
            part.mkdir(parents=True)
            fill(repository, snapshot, part, on_progress)
            _sync_all(part)
            part.rename(to)
        except OSError as error:
            raise NotReachable(f"{to} cannot be written: {error.strerror}", "free space or fix rights") from error
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return to


def fill(repository: Repository, snapshot: Snapshot, folder: Path, on_progress: OnProgress = silent) -> None:
    """Writes a snapshot's files into an existing folder, and checks the database. Raises BackupError."""
    done = 0
    for file in repository.files(snapshot):
        on_progress(Progress("restore", done, snapshot.bytes, file.path))
        _write(repository, file, folder)
        done += file.size
    on_progress(Progress("restore", done, snapshot.bytes))
    if snapshot.database:
        on_progress(Progress("check", 0, 0, snapshot.database))
        found = sqlite.inspect(folder / snapshot.database)
        if found != snapshot.tables:
            raise BackupError(f"{snapshot.database} has other row counts than were counted at the backup")


def _write(repository: Repository, file: File, folder: Path) -> None:
    target = folder / _inside(file.path)
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with target.open("xb") as out:
        for key in file.chunks:
            plain = repository.chunks.get(key)
            digest.update(plain)
            out.write(plain)
    if digest.hexdigest() != file.sha256:
        raise BackupError(f"{file.path} does not have the checksum written at the backup")
    target.chmod(file.mode)
    os.utime(target, (file.mtime, file.mtime))


def _inside(path: str) -> Path:
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts:
        raise BackupError(f"the snapshot names a file outside of itself: {path}")
    return Path(parts)


def _refuse_full(to: Path) -> None:
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise WrongUse(f"{to} is not empty", "restore into a new folder, look at it, then put it in place")


def _check_space(folder: Path, snapshot: Snapshot) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < snapshot.bytes:
        raise NotReachable(f"{folder} has {free >> 20} MiB free, the snapshot has {snapshot.bytes >> 20} MiB")


def _sync_all(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
