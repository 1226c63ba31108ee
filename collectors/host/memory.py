"""Memory and paging."""

from __future__ import annotations

import re
from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from collectors.families import gauge, untyped
from collectors.host.sources import Sources

_VMSTAT = re.compile(r"^(oom_kill|pgpg|pswp|pg.*fault)")


def meminfo(sources: Sources) -> Iterator[Metric]:
    """node_memory_*_bytes, and the counts of huge pages without a unit."""
    for line in sources.lines("meminfo"):
        field, _, rest = line.partition(":")
        words = rest.split()
        name = re.sub(r"[():]", "_", field).replace("__", "_").strip("_")
        in_bytes = len(words) == 2
        name = f"{name}_bytes" if in_bytes else name
        yield gauge(
            f"node_memory_{name}", f"Memory information field {name}.", float(words[0]) * (1024 if in_bytes else 1)
        )


def vmstat(sources: Sources) -> Iterator[Metric]:
    """Page faults, paging, swapping, OOM kills: those that node_exporter takes by default."""
    for line in sources.lines("vmstat"):
        field, _, value = line.partition(" ")
        if _VMSTAT.match(field):
            yield untyped(f"node_vmstat_{field}", f"/proc/vmstat information field {field}.", float(value))
