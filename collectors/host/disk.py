"""Disks: /proc/diskstats."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from prometheus_client.metrics_core import Metric

from collectors.families import Rows, counters, gauges
from collectors.host.sources import Sources

_PARTITIONS = re.compile(r"^(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$")
_SECTOR = 512
_MS = 0.001
_Make = Callable[[str, str, Sequence[str], Rows], Metric]
_FIELDS: tuple[tuple[str, str, float, _Make], ...] = (
    # In the order of the columns. Source: Linux, Documentation/admin-guide/iostats.rst.
    ("reads_completed_total", "The total number of reads completed successfully.", 1, counters),
    ("reads_merged_total", "The total number of reads merged.", 1, counters),
    ("read_bytes_total", "The total number of bytes read successfully.", _SECTOR, counters),
    ("read_time_seconds_total", "This is the total number of seconds spent by all reads.", _MS, counters),
    ("writes_completed_total", "The total number of writes completed successfully.", 1, counters),
    ("writes_merged_total", "The number of writes merged.", 1, counters),
    ("written_bytes_total", "The total number of bytes written successfully.", _SECTOR, counters),
    ("write_time_seconds_total", "This is the total number of seconds spent by all writes.", _MS, counters),
    ("io_now", "The number of I/Os currently in progress.", 1, gauges),
    ("io_time_seconds_total", "Total seconds spent doing I/Os.", _MS, counters),
    ("io_time_weighted_seconds_total", "The weighted # of seconds spent doing I/Os.", _MS, counters),
    ("discards_completed_total", "The total number of discards completed successfully.", 1, counters),
    ("discards_merged_total", "The total number of discards merged.", 1, counters),
    ("discarded_sectors_total", "The total number of sectors discarded successfully.", 1, counters),
    ("discard_time_seconds_total", "This is the total number of seconds spent by all discards.", _MS, counters),
    ("flush_requests_total", "The total number of flush requests completed successfully", 1, counters),
    ("flush_requests_time_seconds_total", "This is the total number of seconds spent by all flush requests.",
     _MS, counters),
)  # fmt: skip


def diskstats(sources: Sources) -> Iterator[Metric]:
    """node_disk_*, whole devices only; an older kernel has fewer columns."""
    devices: dict[str, list[int]] = {}
    for line in sources.lines("diskstats"):
        words = line.split()
        if not _PARTITIONS.match(words[2]):
            devices[words[2]] = [int(word) for word in words[3:]]
    for column, (name, text, unit, make) in enumerate(_FIELDS):
        rows = [((device,), values[column] * unit) for device, values in devices.items() if column < len(values)]
        if rows:
            yield make(f"node_disk_{name}", text, ("device",), rows)
