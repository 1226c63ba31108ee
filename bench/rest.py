"""CPU and memory of the shell's processes at rest: the whole product up, one minute, from /proc."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import psutil

from bench.figures import head, row
from tests.e2e.stack import make

_SECONDS = 60


def run() -> None:
    with tempfile.TemporaryDirectory() as folder:
        stack = make(Path(folder) / "product")
        for verb in ("setup", "up"):
            done = stack.opsctl(verb)
            if done.returncode:
                raise RuntimeError(done.stdout + done.stderr)
        try:
            _measure({p["name"]: psutil.Process(p["pid"]) for p in stack.json("status")["processes"]})
        finally:
            stack.opsctl("down")


def _measure(processes: dict[str, psutil.Process]) -> None:
    time.sleep(20)
    before = {name: sum(p.cpu_times()[:2]) for name, p in processes.items()}
    time.sleep(_SECONDS)
    head("process", "CPU of one core", "resident memory")
    total = 0.0
    for name, process in processes.items():
        share = (sum(process.cpu_times()[:2]) - before[name]) / _SECONDS
        total += process.memory_info().rss
        row(name, f"{share:.1%}", f"{process.memory_info().rss / 1e6:.0f} MB")
    row("all", "", f"{total / 1e6:.0f} MB")
