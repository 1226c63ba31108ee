"""Scratch folders that never outlive their use by more than one run."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Workspace:
    """Folders below `root`, each held by a lock of its user; what a killed user left is removed by the next."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def folder(self, purpose: str) -> Iterator[Path]:
        """A new empty folder (mode 0700), gone when the block ends."""
        self.reclaim()
        path = self._root / f"{purpose}-{secrets.token_hex(4)}"
        lock = path.with_name(path.name + ".lock")
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            path.mkdir(mode=0o700)
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)
            lock.unlink(missing_ok=True)
            os.close(handle)

    def reclaim(self) -> None:
        """Removes folders whose user is dead."""
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        for lock in self._root.glob("*.lock"):
            if _free(lock):
                shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
                lock.unlink(missing_ok=True)


def _free(lock: Path) -> bool:
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True
