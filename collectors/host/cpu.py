"""CPU time by mode, load, interrupts, processes, pressure."""

from __future__ import annotations

import os
from collections.abc import Iterator

import psutil
from prometheus_client.metrics_core import Metric

from collectors.families import counter, counters, gauge
from collectors.host.sources import Sources

_MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_TICKS = os.sysconf("SC_CLK_TCK")
_STAT = {
    "intr": ("node_intr_total", "Total number of interrupts serviced.", counter),
    "ctxt": ("node_context_switches_total", "Total number of context switches.", counter),
    "processes": ("node_forks_total", "Total number of forks.", counter),
    "btime": ("node_boot_time_seconds", "Node boot time, in unixtime.", gauge),
    "procs_running": ("node_procs_running", "Number of processes in runnable state.", gauge),
    "procs_blocked": ("node_procs_blocked", "Number of processes blocked waiting for I/O to complete.", gauge),
}
_PRESSURE = (
    ("cpu", "some", "cpu_waiting", "Total time in seconds that processes have waited for CPU time"),
    ("io", "some", "io_waiting", "Total time in seconds that processes have waited due to IO congestion"),
    ("io", "full", "io_stalled", "Total time in seconds no process could make progress due to IO congestion"),
    ("memory", "some", "memory_waiting", "Total time in seconds that processes have waited for memory"),
    ("memory", "full", "memory_stalled",
     "Total time in seconds no process could make progress due to memory congestion"),
)  # fmt: skip


def cpu(sources: Sources) -> Iterator[Metric]:
    """node_cpu_seconds_total and the guests' share of it. Source: proc(5), /proc/stat."""
    rows, guests = [], []
    for line in sources.lines("stat"):
        name, _, rest = line.partition(" ")
        if not name.startswith("cpu") or name == "cpu":
            continue
        seconds = [int(ticks) / _TICKS for ticks in rest.split()]
        rows += [((name[3:], mode), value) for mode, value in zip(_MODES, seconds, strict=False)]
        guests += [((name[3:], mode), value) for mode, value in zip(("user", "nice"), seconds[8:], strict=False)]
    labels = ("cpu", "mode")
    yield counters("node_cpu_seconds_total", "Seconds the CPUs spent in each mode.", labels, rows)
    yield counters(
        "node_cpu_guest_seconds_total", "Seconds the CPUs spent in guests (VMs) for each mode.", labels, guests
    )


def load(_: Sources) -> Iterator[Metric]:
    """node_load1, 5, 15."""
    for minutes, value in zip((1, 5, 15), psutil.getloadavg(), strict=True):
        yield gauge(f"node_load{minutes}", f"{minutes}m load average.", value)


def stat(sources: Sources) -> Iterator[Metric]:
    """Interrupts, context switches, forks, boot time, processes running and blocked."""
    for line in sources.lines("stat"):
        words = line.split(maxsplit=2)
        if words and words[0] in _STAT:
            name, text, make = _STAT[words[0]]
            yield make(name, text, float(words[1]))


def pressure(sources: Sources) -> Iterator[Metric]:
    """Pressure stall information, where the kernel has it."""
    for resource, kind, name, text in _PRESSURE:
        for line in sources.lines(f"pressure/{resource}"):
            if line.startswith(kind):
                micros = float(line.rpartition("total=")[2])
                yield counter(f"node_pressure_{name}_seconds_total", text, micros / 1e6)
