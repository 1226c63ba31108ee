"""Temperatures, software RAID, memory errors: where the machine has them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.metrics_core import Metric

from collectors.families import counters, gauges
from collectors.host.sources import Sources, number, word

_TEMPERATURES = (
    # (file's suffix, name, unit)
    ("input", "celsius", 0.001), ("max", "max_celsius", 0.001), ("crit", "crit_celsius", 0.001),
    ("alarm", "alarm", 1.0), ("crit_alarm", "crit_alarm_celsius", 1.0),
)  # fmt: skip
_MD_STATES = ("active", "failed", "spare")


def hwmon(sources: Sources) -> Iterator[Metric]:
    """node_hwmon_temp_*{chip,sensor}, fans and the chips' names."""
    chips = {_chip(path): path for path in sorted((sources.sys / "class/hwmon").iterdir())}
    for suffix, name, unit in _TEMPERATURES:
        rows = _sensors(chips, "temp", suffix, unit)
        if rows:
            text = f"Hardware monitor for temperature ({suffix})"
            yield gauges(f"node_hwmon_temp_{name}", text, ("chip", "sensor"), rows)
    fans = _sensors(chips, "fan", "input", 1.0)
    if fans:
        yield gauges("node_hwmon_fan_rpm", "Hardware monitor for fan revolutions", ("chip", "sensor"), fans)
    names = [((chip, word(path / "name")), 1.0) for chip, path in chips.items() if word(path / "name")]
    text = "Annotation metric for human-readable chip names"
    yield gauges("node_hwmon_chip_names", text, ("chip", "chip_name"), names)


def _chip(path: Path) -> str:
    """As node_exporter names a chip: its device's subsystem and name, else the `name` file."""
    device = (path / "device").resolve()
    subsystem = (device / "subsystem").resolve()
    if (path / "device").exists() and (device / "subsystem").exists():
        return _clean(f"{subsystem.name}_{device.name}")
    return _clean(word(path / "name") or path.name)


def _clean(name: str) -> str:
    return re.sub(r"[^a-z0-9:_]", "_", name.lower()).strip("_")


def _sensors(
    chips: dict[str, Path], kind: str, suffix: str, unit: float
) -> list[tuple[tuple[str, str], float]]:  # fmt: skip
    rows = []
    for chip, path in chips.items():
        for file in sorted(path.glob(f"{kind}[0-9]*_{suffix}")):
            value = number(file)
            if value is not None and re.fullmatch(rf"{kind}\d+_{suffix}", file.name):
                rows.append(((chip, file.name.partition("_")[0]), value * unit))
    return rows


def thermal_zone(sources: Sources) -> Iterator[Metric]:
    """node_thermal_zone_temp{zone,type} in degrees Celsius."""
    zones = sorted((sources.sys / "class/thermal").glob("thermal_zone*"))
    rows = [
        ((path.name.removeprefix("thermal_zone"), word(path / "type")), value / 1000)
        for path in zones
        if (value := number(path / "temp")) is not None
    ]
    if rows:
        yield gauges("node_thermal_zone_temp", "Zone temperature in Celsius", ("zone", "type"), rows)


def mdadm(sources: Sources) -> Iterator[Metric]:
    """node_md_disks{device,state}, _required and _state, from /proc/mdstat."""
    disks, required, states = [], [], []
    text = (sources.proc / "mdstat").read_text()
    for block in re.split(r"\n(?=md)", text):
        head = re.match(r"(md\S+) : (active|inactive)(?: \([a-z-]+\))?(.*)", block)
        if not head:
            continue
        device, activity, rest = head.groups()
        members = re.findall(r"\S+\[\d+\]((?:\([FSWJR]\))*)", rest)
        counts = re.search(r"\[(\d+)/(\d+)\]", block)
        failed, spare = (sum(f"({mark})" in flags for flags in members) for mark in "FS")
        active = int(counts[2]) if counts else len(members) - failed - spare
        disks += [((device, s), float(n)) for s, n in zip(_MD_STATES, (active, failed, spare), strict=True)]
        required.append(((device,), float(counts[1]) if counts else float(active)))
        states += [((device, s), float(s == _activity(activity, block))) for s in ("active", "inactive", "recovering",
                                                                                 "resync", "check")]  # fmt: skip
    labels = ("device", "state")
    if disks:
        yield gauges("node_md_disks", "Number of active/failed/spare disks of device.", labels, disks)
        yield gauges(
            "node_md_disks_required", "Total number of disks of device required by level.", ("device",), required
        )
        yield gauges("node_md_state", "Indicates the state of md-device.", labels, states)


def _activity(activity: str, block: str) -> str:
    doing = re.search(r"(recovery|resync|check)\s*=\s*[\d.]+%", block)
    return {"recovery": "recovering", "resync": "resync", "check": "check"}[doing[1]] if doing else activity


def edac(sources: Sources) -> Iterator[Metric]:
    """node_edac_{correctable,uncorrectable}_errors_total{controller}."""
    controllers = sorted((sources.sys / "devices/system/edac/mc").glob("mc[0-9]*"))
    for file, kind in (("ce_count", "correctable"), ("ue_count", "uncorrectable")):
        rows = [((path.name.removeprefix("mc"),), value) for path in controllers
                if (value := number(path / file)) is not None]  # fmt: skip
        text = f"Total {kind} memory errors."
        if rows:
            yield counters(f"node_edac_{kind}_errors_total", text, ("controller",), rows)
