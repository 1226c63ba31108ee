"""The state of the product on this machine: processes, memory, disk by store."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from opsctl.core.settings import Settings
from opsctl.core.supervisor import ProcessState
from opsctl.flows.lifecycle import healthy, supervisor_of
from opsctl.model.inventory import Process

STORES = ("metrics", "alerting", "ops", "booking", "backups", "logs", "run")


@dataclass(frozen=True)
class ProcessRow:
    """One process: supervisor's state, whether its health URL answers, memory in bytes, seconds up."""

    name: str
    group: str
    state: str
    healthy: bool
    pid: int
    resident_bytes: int
    up_seconds: float
    address: str


@dataclass(frozen=True)
class Status:
    """All of it. `ok` when every process runs and is healthy."""

    ok: bool
    processes: tuple[ProcessRow, ...]
    resident_bytes: int
    disk_bytes: dict[str, int]
    disk_free_bytes: int


def status(settings: Settings, processes: Iterable[Process]) -> Status:
    """What runs, how it is, and the disk it uses. Raises Unreachable when nothing is up."""
    supervisor = supervisor_of(settings)
    plan = {p.name: p for p in processes}
    rows = tuple(_row(plan.get(s.name), s) for s in supervisor.processes())
    disk = {name: size(settings.home_path / name) for name in STORES if (settings.home_path / name).exists()}
    return Status(
        ok=all(r.healthy for r in rows),
        processes=rows,
        resident_bytes=sum(r.resident_bytes for r in rows) + _resident(supervisor.pid()),
        disk_bytes=disk,
        disk_free_bytes=psutil.disk_usage(str(settings.home_path)).free,
    )


def _row(process: Process | None, state: ProcessState) -> ProcessRow:
    running = state.running or state.state == "STARTING"
    return ProcessRow(
        name=state.name,
        group=process.group if process else "",
        state=state.state,
        healthy=running and process is not None and healthy(process),
        pid=state.pid,
        resident_bytes=_resident(state.pid),
        up_seconds=max(0.0, time.time() - state.started_at) if running else 0.0,
        address=process.listen[0] if process and process.listen else "",
    )


def _resident(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss) if pid else 0
    except psutil.Error:
        return 0


def size(folder: Path) -> int:
    """Bytes that a folder takes on disk."""
    total = 0
    for where, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(os.path.join(where, name)).st_blocks * 512
            except OSError:
                continue
    return total
