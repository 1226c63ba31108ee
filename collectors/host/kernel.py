"""The kernel's own limits: file handles, entropy."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from collectors.families import gauge
from collectors.host.sources import Sources


def filefd(sources: Sources) -> Iterator[Metric]:
    """node_filefd_allocated and _maximum."""
    allocated, _, maximum = sources.lines("sys/fs/file-nr")[0].split()
    yield gauge("node_filefd_allocated", "File descriptor statistics: allocated.", float(allocated))
    yield gauge("node_filefd_maximum", "File descriptor statistics: maximum.", float(maximum))


def entropy(sources: Sources) -> Iterator[Metric]:
    """node_entropy_*_bits."""
    folder = "sys/kernel/random"
    yield gauge("node_entropy_available_bits", "Bits of available entropy.", sources.number(f"{folder}/entropy_avail"))
    yield gauge("node_entropy_pool_size_bits", "Bits of entropy pool.", sources.number(f"{folder}/poolsize"))
