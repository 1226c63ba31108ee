"""Foreign processes: who listens on a port, who locks a SQLite file, and whether a pid is still the one that was seen."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from opsctl.core.errors import NotFound
from opsctl.core.supervisor import Supervisor

WAL_WRITE_LOCK = 120
"""The byte of the -shm file that a writer locks in WAL mode. Source: sqlite.org/walformat.html §2.3.1."""
RESERVED_BYTE = 0x40000001
"""The byte of the database file that a writer locks in rollback mode. Source: sqlite3 os.h."""


@dataclass(frozen=True)
class Holder:
    """A process as seen: `identity` is pid and start tick, which no other process ever has until a reboot."""

    pid: int
    identity: str
    name: str
    command: str
    user: str
    foreign: bool
    """Kept neither by supervisor nor by this product."""

    def output(self) -> dict[str, Any]:
        return asdict(self)


def identity(pid: int) -> str:
    """`PID:START`, START in clock ticks since boot. Raises NotFound when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError as error:
        raise NotFound(f"no process {pid}") from error
    fields = text.rpartition(")")[2].split()
    if fields[0] in ("Z", "X"):
        raise NotFound(f"process {pid} has ended")
    return f"{pid}:{fields[19]}"


def describe(pid: int, protected: set[int]) -> Holder:
    """What there is to know of a process. Raises NotFound when it has ended."""
    found = identity(pid)
    try:
        process = psutil.Process(pid)
        command = " ".join(process.cmdline()) or process.name()
        return Holder(pid, found, process.name(), command, process.username(), pid not in protected)
    except psutil.Error as error:
        raise NotFound(f"process {pid} cannot be looked at: {error}") from error


def protected_pids(socket: Path) -> set[int]:
    """Pids that no runbook may end: init, this process and those above it, supervisor, all it keeps, their children."""
    roots = {1, os.getpid(), *(p.pid for p in psutil.Process().parents())}
    if not socket.exists():
        return roots
    supervisor = Supervisor(socket)
    kept = {supervisor.pid(), *(p.pid for p in supervisor.processes() if p.pid)}
    return roots | kept | {child for pid in kept for child in _children(pid)}


def listeners(port: int) -> list[int]:
    """The pids that listen on a TCP port, whatever the address, lowest first."""
    found = (c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN)
    return sorted({c.pid for c in found if c.laddr and c.laddr.port == port and c.pid})


def writers(database: Path) -> list[int]:
    """The pids that hold the write lock of a SQLite file now (WAL: byte 120 of -shm; else the reserved byte)."""
    shm = database.with_name(database.name + "-shm")
    places = [(shm, WAL_WRITE_LOCK), (database, RESERVED_BYTE)]
    text = Path("/proc/locks").read_text()
    return sorted({pid for path, byte in places if path.exists() for pid in lock_holders(text, path.stat(), byte)})


def lock_holders(locks: str, file: os.stat_result, byte: int) -> Iterable[int]:
    """Pure: the pids in the text of /proc/locks with a write lock on `byte` of the file. Source: proc_locks(5)."""
    wanted = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}"
    for line in locks.splitlines():
        fields = line.split()
        if len(fields) != 8 or fields[1:4] != ["POSIX", "ADVISORY", "WRITE"] or fields[5] != wanted:
            continue
        end = float("inf") if fields[7] == "EOF" else int(fields[7])
        if int(fields[6]) <= byte <= end and int(fields[4]) > 0:
            yield int(fields[4])


def _children(pid: int) -> list[int]:
    try:
        return [c.pid for c in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
