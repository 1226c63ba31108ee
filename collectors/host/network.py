"""Network interfaces: traffic, properties, bonds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from prometheus_client.metrics_core import Metric

from collectors.families import Rows, counters, gauges
from collectors.host.sources import Sources, number, word

_COLUMNS = (
    # In the order of /proc/net/dev.
    "receive_bytes", "receive_packets", "receive_errs", "receive_drop", "receive_fifo", "receive_frame",
    "receive_compressed", "receive_multicast", "transmit_bytes", "transmit_packets", "transmit_errs",
    "transmit_drop", "transmit_fifo", "transmit_colls", "transmit_carrier", "transmit_compressed",
)  # fmt: skip
_Make = Callable[[str, str, Sequence[str], Rows], Metric]
_PROPERTIES: tuple[tuple[str, str, float, _Make], ...] = (
    # (name, file below /sys/class/net/<device>, unit, type)
    ("address_assign_type", "addr_assign_type", 1, gauges),
    ("carrier", "carrier", 1, gauges),
    ("carrier_changes_total", "carrier_changes", 1, counters),
    ("carrier_down_changes_total", "carrier_down_count", 1, counters),
    ("carrier_up_changes_total", "carrier_up_count", 1, counters),
    ("device_id", "dev_id", 1, gauges),
    ("dormant", "dormant", 1, gauges),
    ("flags", "flags", 1, gauges),
    ("iface_id", "ifindex", 1, gauges),
    ("iface_link", "iflink", 1, gauges),
    ("iface_link_mode", "link_mode", 1, gauges),
    ("mtu_bytes", "mtu", 1, gauges),
    ("name_assign_type", "name_assign_type", 1, gauges),
    ("net_dev_group", "netdev_group", 1, gauges),
    ("protocol_type", "type", 1, gauges),
    ("speed_bytes", "speed", 1_000_000 / 8, gauges),  # the file is in Mbit/s, and -1 where it is not known
    ("transmit_queue_length", "tx_queue_len", 1, gauges),
)
_INFO = ("address", "broadcast", "duplex", "ifalias", "operstate")


def netdev(sources: Sources) -> Iterator[Metric]:
    """node_network_{receive,transmit}_*_total, without loopback."""
    devices: dict[str, list[int]] = {}
    for line in sources.lines("net/dev")[2:]:
        device, _, rest = line.partition(":")
        if device.strip() != "lo":
            devices[device.strip()] = [int(value) for value in rest.split()]
    for column, name in enumerate(_COLUMNS):
        rows = [((device,), float(values[column])) for device, values in devices.items()]
        yield counters(f"node_network_{name}_total", f"Network device statistic {name}.", ("device",), rows)


def netclass(sources: Sources) -> Iterator[Metric]:
    """node_network_up, _info and the properties of every interface."""
    devices = sorted(path for path in (sources.sys / "class/net").iterdir() if (path / "operstate").exists())
    for name, file, unit, make in _PROPERTIES:
        rows = [((path.name,), value * unit) for path in devices if (value := number(path / file)) is not None]
        if rows:
            yield make(f"node_network_{name}", f"Network device property: {name}", ("device",), rows)
    up = [((path.name,), float(word(path / "operstate") == "up")) for path in devices]
    yield gauges("node_network_up", "Value is 1 if operstate is 'up', 0 otherwise.", ("device",), up)
    facts = [((path.name, *(word(path / name) for name in _INFO)), 1.0) for path in devices]
    text = "Non-numeric data from /sys/class/net/<iface>, value is always 1."
    yield gauges("node_network_info", text, ("device", *_INFO), facts)


def bonding(sources: Sources) -> Iterator[Metric]:
    """node_bonding_slaves and _active, by master."""
    masters = word(sources.sys / "class/net/bonding_masters").split()
    found = [(master, *_slaves(sources.sys / "class/net" / master)) for master in masters]
    if found:
        text = "Number of {} slaves per bonding interface."
        yield gauges("node_bonding_slaves", text.format("configured"), ("master",), [((m,), s) for m, s, _ in found])
        yield gauges("node_bonding_active", text.format("active"), ("master",), [((m,), a) for m, _, a in found])


def _slaves(master: Path) -> tuple[int, int]:
    slaves = word(master / "bonding/slaves").split()
    states = [word(master / f"lower_{slave}" / "bonding_slave/mii_status") for slave in slaves]
    return len(slaves), states.count("up")
