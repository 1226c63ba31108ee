"""Bytes a sample on disk: the same fleet as one of our blocks and as a block made by promtool."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.figures import head, row
from bench.fleet import Host, fleet
from opsctl.metrics.block import write_block
from opsctl.metrics.section import Section

_HOSTS, _SAMPLES = 40, 480


def run() -> None:
    hosts = fleet(_HOSTS, _SAMPLES, int(time.time() * 1000))
    count = sum(host.values.size for host in hosts)
    with tempfile.TemporaryDirectory() as name:
        ours = _ours(Path(name), hosts) / count
        theirs = _theirs(Path(name), hosts) / count
    head("bytes a sample, index and labels included", "ours", "Prometheus", "ratio")
    row(f"{_HOSTS} hosts × 50 series × 2 h at 15 s", f"{ours:.2f}", f"{theirs:.2f}", f"{ours / theirs:.2f}")


def _ours(folder: Path, hosts: list[Host]) -> int:
    labels = [each for host in hosts for each in host.labels]
    sections = [
        Section(host.source, np.arange(len(host.labels), dtype=np.int64) + 50 * number, host.times, host.values)
        for number, host in enumerate(hosts)
    ]
    return write_block(folder, sections, labels.__getitem__).stat().st_size


def _theirs(folder: Path, hosts: list[Host]) -> int:
    """Source of the form: the OpenMetrics text that promtool reads."""
    program = shutil.which("promtool")
    if program is None:
        raise SystemExit("promtool is not installed: make servers")
    lines: dict[str, list[str]] = {}
    for host in hosts:
        stamps = [ms / 1000 for ms in host.times.tolist()]
        for labels, values in zip(host.labels, host.values, strict=True):
            series = f"{str(labels).replace(', ', ',')} "
            found = lines.setdefault(labels.name, [])
            found += [f"{series}{value!r} {at}" for value, at in zip(values.tolist(), stamps, strict=True)]
    text = folder / "fleet.txt"
    with text.open("w") as file:
        for name, found in lines.items():
            file.write(f"# TYPE {name} unknown\n" + "\n".join(found) + "\n")
        file.write("# EOF\n")
    made = folder / "theirs"
    subprocess.run([program, "tsdb", "create-blocks-from", "openmetrics", text, made], check=True, capture_output=True)
    return sum(file.stat().st_size for file in made.rglob("*") if file.is_file())
