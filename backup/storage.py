"""Where a repository's bytes lie: a Protocol of eight methods, and the local folder."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from backup.errors import BackupError, Busy, NotReachable


class Storage(Protocol):
    """Named blobs. A blob is there whole or not at all, whatever dies; names use `/`."""

    def put(self, name: str, content: bytes) -> None:
        """Writes or replaces a blob; when this returns it survives power loss."""

    def get(self, name: str) -> bytes:
        """A blob's content. Raises BackupError when it is missing or unreadable."""

    def size(self, name: str) -> int | None:
        """A blob's length, None when there is none."""

    def list(self, folder: str) -> list[str]:
        """Names of all blobs under a folder, sorted."""

    def delete(self, name: str) -> None:
        """Removes a blob; one that is not there is no error."""

    def free(self) -> int | None:
        """Bytes that can still be written, None where that is not known."""

    def lock(self, name: str, exclusive: bool) -> AbstractContextManager[None]:
        """Holds a lock that ends with the process. Raises Busy when another holds it."""

    def sweep(self) -> int:
        """Removes what writers that died left behind; the bytes regained. Only under the write lock."""


class LocalFolder:
    """A folder on this machine: fsync and rename for each blob, flock for locks."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, name: str, content: bytes) -> None:
        target = self.path / name
        part = self.path / "parts" / f"{target.name}.{secrets.token_hex(4)}"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            part.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.rename(target)
            _sync_folder(target.parent)
        except OSError as error:
            raise NotReachable(f"{target} cannot be written: {error.strerror}", "free space or fix rights") from error

    def get(self, name: str) -> bytes:
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError as error:
            raise BackupError(f"{name} is missing from {self.path}", "opsctl backup verify names all damage") from error
        except OSError as error:
            raise NotReachable(f"{self.path / name} cannot be read: {error.strerror}") from error

    def size(self, name: str) -> int | None:
        try:
            return (self.path / name).stat().st_size
        except OSError:
            return None

    def list(self, folder: str) -> list[str]:
        top = self.path / folder
        return sorted(p.relative_to(self.path).as_posix() for p in top.rglob("*") if p.is_file())

    def delete(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)

    def free(self) -> int | None:
        return shutil.disk_usage(self.path).free

    @contextmanager
    def lock(self, name: str, exclusive: bool) -> Iterator[None]:
        file = self.path / "locks" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _take(handle, self.path, exclusive)
            yield
        finally:
            os.close(handle)

    def sweep(self) -> int:
        names = self.list("parts")
        freed = sum(self.size(name) or 0 for name in names)
        for name in names:
            self.delete(name)
        return freed


def _take(handle: int, path: Path, exclusive: bool) -> None:
    try:
        fcntl.flock(handle, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.pread(handle, 64, 0).decode(errors="replace").strip()
        by = f" by process {owner}" if owner else ""
        raise Busy(
            f"the repository {path} is in use{by}", "wait for it to end; a dead holder's lock ends by itself"
        ) from error
    if exclusive:
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
