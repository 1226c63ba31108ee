"""State folders: one writer each (flock), one format version each, files written whole."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

from opsctl.core.errors import StateError

Migration = Callable[[Path], None]


class OwnedFolder:
    """A folder that this process alone writes, until `close` or the process' end.

    `version` is the format this program writes. An older folder is copied to
    `<folder>.v<old>.bak` and migrated step by step; a newer one is refused.
    Raises StateError when another process owns it or its format is newer.
    """

    def __init__(self, path: Path, version: int = 1, migrations: Mapping[int, Migration] | None = None) -> None:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path
        self._lock = os.open(path / "LOCK", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._lock)
            raise StateError(f"{path} is in use by another process", "stop it first: opsctl down") from error
        try:
            _upgrade(path, version, migrations or {})
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        os.close(self._lock)

    def __enter__(self) -> OwnedFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _upgrade(path: Path, version: int, migrations: Mapping[int, Migration]) -> None:
    file = path / "VERSION"
    if not file.exists():
        write_whole(file, f"{version}\n".encode())
        return
    found = _read_version(file)
    if found > version:
        raise StateError(
            f"{path} has format {found}, this opsctl knows up to {version}", "use the newer opsctl, or another home"
        )
    if found == version:
        return
    _back_up(path, found)
    for step in range(found, version):
        migrations[step](path)
        write_whole(file, f"{step + 1}\n".encode())


def _read_version(file: Path) -> int:
    try:
        return int(file.read_text().strip())
    except ValueError as error:
        raise StateError(f"{file} does not hold a format version", "restore the folder from a backup") from error


def _back_up(path: Path, version: int) -> None:
    """A whole copy beside the folder, complete before it has its final name."""
    target = path.with_name(f"{path.name}.v{version}.bak")
    if target.exists():
        return
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(path, part, ignore=shutil.ignore_patterns("LOCK"))
    part.rename(target)


def write_whole(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Writes a file so that after kill -9 or power loss it is the old one or the new one, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
