"""What runs here: kernel and distribution."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from collectors.families import gauges, info
from collectors.host.sources import Sources, word

_OS = (
    "build_id", "id", "id_like", "image_id", "image_version", "name", "pretty_name", "variant", "variant_id",
    "version", "version_codename", "version_id",
)  # fmt: skip


def uname(sources: Sources) -> Iterator[Metric]:
    """node_uname_info."""
    found = os.uname()
    labels = {
        "domainname": word(sources.proc / "sys/kernel/domainname") or "(none)",
        "machine": found.machine,
        "nodename": found.nodename,
        "release": found.release,
        "sysname": found.sysname,
        "version": found.version,
    }
    yield info("node_uname_info", "Labeled system information as provided by the uname system call.", labels)


def os_release(sources: Sources) -> Iterator[Metric]:
    """node_os_info and node_os_version, from /etc/os-release."""
    pairs = (line.partition("=") for line in (sources.etc / "os-release").read_text().splitlines() if "=" in line)
    found = {key.lower(): "".join(shlex.split(value)[:1]) for key, _, value in pairs}
    yield info(
        "node_os_info",
        f"A metric with a constant '1' value labeled by {', '.join(_OS)}.",
        {name: found.get(name, "") for name in _OS},
    )
    number = re.match(r"\d+(\.\d+)?", found.get("version_id", ""))
    if number:
        labels = ("id", "id_like", "name")
        text = "Metric containing the major.minor part of the OS version."
        yield gauges("node_os_version", text, labels, [(tuple(found.get(n, "") for n in labels), float(number[0]))])
