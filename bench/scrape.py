"""Scraping 100 targets × 200 series each second, opsctl and Debian's Prometheus in the same run, each 100 of its own.

CPU is user + system time of the process, from /proc, after a settling time. Lag and missed are counted where it
matters, at the target: how much later than its own even beat a scrape came, and beats at which none came.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.figures import head, load, row
from tests.api.running import Server, opsctl, prometheus

TARGETS, SERIES, SECONDS, SETTLE = 100, 200, 20.0, 6.0


@dataclass(frozen=True)
class Scraped:
    """`cpu` as a share of one core; lags in seconds; `rss` in bytes."""

    cpu: float
    largest_lag: float
    p99_lag: float
    scrapes: int
    missed: int
    rss: int


def measure(
    targets: int = TARGETS, series: int = SERIES, seconds: float = SECONDS, settle: float = SETTLE
) -> dict[str, Scraped]:
    """Both at the same time on targets of their own. Takes `settle` + `seconds`."""
    servers: tuple[tuple[str, Callable[..., Any]], ...] = (("opsctl", opsctl), ("prometheus", prometheus))
    found: dict[str, Scraped] = {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        running = {}
        for name, server in servers:
            home = Path(folder) / name
            home.mkdir()
            pages = stack.enter_context(_pages(targets, series))
            assert pages.stdout is not None
            config = _config(home, json.loads(pages.stdout.readline()))
            running[name] = stack.enter_context(server(home / "data", config)), pages
        time.sleep(settle)
        began, before = time.time(), {name: _cpu(server) for name, (server, _) in running.items()}
        time.sleep(seconds)
        ended, after = time.time(), {name: _cpu(server) for name, (server, _) in running.items()}
        for name, (server, pages) in running.items():
            rss = psutil.Process(server.process.pid).memory_info().rss
            asked = json.loads(pages.communicate("", timeout=30)[0])
            cpu = (after[name] - before[name]) / (ended - began)
            found[name] = _scraped(cpu, asked, began, ended, rss)
    return found


def _pages(targets: int, series: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.scraped", str(targets), str(series)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _config(home: Path, ports: Sequence[int]) -> Path:
    listed = ", ".join(f"'127.0.0.1:{port}'" for port in ports)
    file = home / "prometheus.yml"
    file.write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        f"scrape_configs: [{{job_name: bench, static_configs: [{{targets: [{listed}]}}]}}]\n"
    )
    return file


def _cpu(server: Server) -> float:
    return sum(psutil.Process(server.process.pid).cpu_times()[:2])


def _scraped(cpu: float, asked: Sequence[Sequence[float]], began: float, ended: float, rss: int) -> Scraped:
    lags: list[float] = []
    missed = scrapes = 0
    for times in asked:
        own, late = _lags([t for t in times if began <= t < ended])
        lags += own
        missed += late
        scrapes += len(own)
    lags.sort()
    return Scraped(cpu, lags[-1], lags[int(len(lags) * 0.99)], scrapes, missed, rss)


def _lags(times: Sequence[float]) -> tuple[list[float], int]:
    """How late each scrape was against the target's earliest phase, and the beats between them without one."""
    phase = min(t % 1 if t % 1 - times[0] % 1 > -0.5 else t % 1 + 1 for t in times)
    lags = [(t - phase) % 1 for t in times]
    beats = {round(t - lag - phase) for t, lag in zip(times, lags, strict=True)}
    return lags, int(max(beats) - min(beats) + 1 - len(beats))


def run() -> None:
    load()
    head("server", "CPU of one core", "largest lag", "p99 lag", "scrapes", "missed", "resident memory")
    for name, one in measure().items():
        row(
            name, f"{one.cpu:.1%}", f"{one.largest_lag * 1e3:.0f} ms", f"{one.p99_lag * 1e3:.0f} ms", one.scrapes,
            one.missed, f"{one.rss / 1e6:.0f} MB",
        )  # fmt: skip


if __name__ == "__main__":
    run()
