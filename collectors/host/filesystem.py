"""Filesystems: size, free, files, read-only; a mount that hangs is an error on that mount, not a hung scrape."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric

from collectors.families import gauges
from collectors.host.sources import Sources

_SKIP_MOUNTS = re.compile(r"^/(dev|proc|run|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)")
_SKIP_TYPES = re.compile(
    r"^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay"
    r"|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs)$"
)
_TIMEOUT = 2.0
_LABELS = ("device", "fstype", "mountpoint")
_stuck: set[str] = set()
"""Mounts whose statvfs has not come back yet: not asked again until it has."""


@dataclass(frozen=True)
class Mount:
    device: str
    fstype: str
    mountpoint: str
    readonly: bool

    @property
    def labels(self) -> tuple[str, str, str]:
        return self.device, self.fstype, self.mountpoint


def filesystem(sources: Sources) -> Iterator[Metric]:
    """node_filesystem_*, for mounts that hold files of somebody."""
    found = [(mount, _statvfs(mount.mountpoint)) for mount in mounts(sources)]
    well = [(mount.labels, stat) for mount, stat in found if stat is not None]
    read_only = [(m.labels, float(m.readonly or bool(s and s.f_flag & os.ST_RDONLY))) for m, s in found]
    for name, text, rows in (
        ("size_bytes", "Filesystem size in bytes.", [(m, s.f_blocks * s.f_frsize) for m, s in well]),
        ("free_bytes", "Filesystem free space in bytes.", [(m, s.f_bfree * s.f_frsize) for m, s in well]),
        ("avail_bytes", "Filesystem space available to non-root users in bytes.",
         [(m, s.f_bavail * s.f_frsize) for m, s in well]),
        ("files", "Filesystem total file nodes.", [(m, s.f_files) for m, s in well]),
        ("files_free", "Filesystem total free file nodes.", [(m, s.f_ffree) for m, s in well]),
        ("readonly", "Filesystem read-only status.", read_only),
        ("device_error", "Whether an error occurred while getting statistics for the given device.",
         [(m.labels, float(s is None)) for m, s in found]),
    ):  # fmt: skip
        yield gauges(f"node_filesystem_{name}", text, _LABELS, rows)


def mounts(sources: Sources) -> list[Mount]:
    """The mounts worth watching; of two on one mountpoint the later counts."""
    try:
        lines = sources.lines("1/mounts")
    except OSError:  # a container without a view of process 1
        lines = sources.lines("self/mounts")
    found: dict[str, Mount] = {}
    for line in lines:
        device, mountpoint, fstype, options = (_unescaped(word) for word in line.split()[:4])
        if not _SKIP_MOUNTS.match(mountpoint) and not _SKIP_TYPES.match(fstype):
            found[mountpoint] = Mount(device, fstype, mountpoint, "ro" in options.split(","))
    return list(found.values())


def _unescaped(word: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), word)


def _statvfs(mountpoint: str) -> os.statvfs_result | None:
    """statvfs in a thread of its own: a dead NFS server never answers."""
    if mountpoint in _stuck:
        return None
    answer: list[os.statvfs_result] = []
    _stuck.add(mountpoint)

    def ask() -> None:
        try:
            answer.append(os.statvfs(mountpoint))
        except OSError:
            pass
        finally:
            _stuck.discard(mountpoint)

    thread = threading.Thread(target=ask, daemon=True, name=f"statvfs {mountpoint}")
    thread.start()
    thread.join(_TIMEOUT)
    return answer[0] if answer else None
