"""The host, with node_exporter's names, labels and types, read from /proc and /sys."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prometheus_client.metrics_core import Metric

from collectors.errors import CollectorError
from collectors.families import gauges
from collectors.host import clock, cpu, disk, filesystem, hardware, kernel, memory, network, sockets, system
from collectors.host.sources import Sources

PARTS: tuple[tuple[str, Callable[[Sources], Iterable[Metric]]], ...] = (
    ("cpu", cpu.cpu),
    ("loadavg", cpu.load),
    ("stat", cpu.stat),
    ("pressure", cpu.pressure),
    ("meminfo", memory.meminfo),
    ("vmstat", memory.vmstat),
    ("filesystem", filesystem.filesystem),
    ("diskstats", disk.diskstats),
    ("netdev", network.netdev),
    ("netclass", network.netclass),
    ("bonding", network.bonding),
    ("sockstat", sockets.sockstat),
    ("netstat", sockets.netstat),
    ("conntrack", sockets.conntrack),
    ("filefd", kernel.filefd),
    ("entropy", kernel.entropy),
    ("time", clock.time_of_day),
    ("timex", clock.timex),
    ("uname", system.uname),
    ("os", system.os_release),
    ("hwmon", hardware.hwmon),
    ("thermal_zone", hardware.thermal_zone),
    ("mdadm", hardware.mdadm),
    ("edac", hardware.edac),
)
"""node_exporter's collectors that exist here. `hwmon`, `mdadm` and the like report success 0 where there is none."""


class HostCollector:
    """This host as node_exporter sees it. A part that fails is success 0, never a failed scrape."""

    def __init__(self, procfs: str = "/proc", sysfs: str = "/sys", osfs: str = "/etc") -> None:
        self._sources = Sources(Path(procfs), Path(sysfs), Path(osfs))
        if not (self._sources.proc / "stat").exists():
            raise CollectorError(f"no {procfs}/stat: the host collector reads Linux' /proc", "run it on Linux")

    def collect(self) -> Iterator[Metric]:
        took: list[tuple[list[str], float]] = []
        success: list[tuple[list[str], float]] = []
        for name, part in PARTS:
            start = time.perf_counter()
            try:
                families = list(part(self._sources))
            except (OSError, ValueError, LookupError):
                families = []
            yield from families
            took.append(([name], time.perf_counter() - start))
            success.append(([name], 1.0 if families else 0.0))
        yield gauges("node_scrape_collector_duration_seconds", "Duration of a collector scrape.", ["collector"], took)
        yield gauges("node_scrape_collector_success", "Whether a collector succeeded.", ["collector"], success)
