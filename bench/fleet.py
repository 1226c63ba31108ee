"""A made-up fleet: 200 hosts × 50 node-like series, each host scraped at its own moment of every interval.

The same samples go into our store and, by remote write, into Prometheus.
"""

from __future__ import annotations

import struct
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import cramjam
import numpy as np
from numpy.typing import NDArray

from opsctl.model.batch import Batch
from opsctl.model.labels import METRIC_NAME, Labels

INTERVAL_MS = 15_000
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_SITES = ("beijing", "shanghai", "shenzhen", "chengdu")


@dataclass(frozen=True, eq=False)
class Host:
    """The series of one host: `times` (samples) in ms, `values` (series × samples)."""

    source: str
    labels: tuple[Labels, ...]
    times: NDArray[np.int64]
    values: NDArray[np.float64]


def fleet(hosts: int, samples: int, end_ms: int, seed: int = 1) -> list[Host]:
    """`hosts` × 50 series with `samples` each, the last ones within an interval before `end_ms`."""
    return [_host(number, hosts, samples, end_ms, seed) for number in range(hosts)]


def _host(number: int, hosts: int, samples: int, end_ms: int, seed: int) -> Host:
    random = np.random.default_rng((seed, number))
    own = {"instance": f"host-{number:03d}:9100", "job": "node", "site": _SITES[number % len(_SITES)]}
    begin = end_ms - samples * INTERVAL_MS + number * INTERVAL_MS // hosts
    jitter = random.integers(0, 4, samples)
    times = begin + np.arange(samples, dtype=np.int64) * INTERVAL_MS + jitter
    rows = list(_series(random, samples, times))
    labels = tuple(Labels({METRIC_NAME: name, **own, **more}) for name, more, _ in rows)
    return Host(f"node {number}", labels, times, np.array([values for _, _, values in rows]))


def _series(
    random: np.random.Generator, n: int, times: NDArray[np.int64]
) -> Iterator[tuple[str, dict[str, str], NDArray[np.float64]]]:
    def counter(rate: float) -> NDArray[np.float64]:
        return np.cumsum(random.poisson(rate * INTERVAL_MS / 1000, n).astype(np.float64))

    def seconds(share: float) -> NDArray[np.float64]:
        return np.round(np.cumsum(random.normal(share, share / 5, n).clip(0) * INTERVAL_MS / 1000), 2) + 1e5

    def gauge(mean: float, digits: int) -> NDArray[np.float64]:
        walk = np.cumsum(random.normal(0, mean / 200, n))
        return np.round(np.abs(mean + walk), digits)

    for cpu in range(4):
        for mode, share in (("idle", 0.8), ("user", 0.15)):
            yield "node_cpu_seconds_total", {"cpu": str(cpu), "mode": mode}, seconds(share)
    for name in ("MemTotal", "MemAvailable", "Cached", "Buffers"):
        values = np.full(n, 16e9) if name == "MemTotal" else np.round(gauge(8e9, 0) / 4096) * 4096
        yield f"node_memory_{name}_bytes", {}, values
    for mount in ("/", "/data"):
        labels = {"mountpoint": mount, "fstype": "ext4", "device": f"/dev/vd{'ab'[len(mount) > 1]}"}
        yield "node_filesystem_size_bytes", labels, np.full(n, 1e11)
        yield "node_filesystem_avail_bytes", labels, 6e10 - counter(4000) * 4096 / 16
        yield "node_filesystem_files_free", labels, 5e6 - counter(0.5)
    for device in ("eth0", "lo"):
        for name in ("receive_bytes", "transmit_bytes", "receive_errs"):
            yield f"node_network_{name}_total", {"device": device}, counter(0.01 if "errs" in name else 40_000)
    for device in ("vda", "vdb"):
        yield "node_disk_reads_completed_total", {"device": device}, counter(20)
        yield "node_disk_written_bytes_total", {"device": device}, counter(30) * 4096
        yield "node_disk_io_time_seconds_total", {"device": device}, seconds(0.1)
    for name in ("node_load1", "node_load5", "node_load15"):
        yield name, {}, gauge(1.5, 2)
    counts = np.cumsum(random.poisson(30, (len(_BUCKETS), n)), axis=0).cumsum(axis=1).astype(np.float64)
    for bound, values in zip(_BUCKETS, counts, strict=True):
        yield "http_request_duration_seconds_bucket", {"le": str(bound)}, values
    yield "http_request_duration_seconds_bucket", {"le": "+Inf"}, counts[-1]
    yield "http_request_duration_seconds_count", {}, counts[-1]
    yield "http_request_duration_seconds_sum", {}, np.cumsum(random.random(n) * 50)
    yield "node_boot_time_seconds", {}, np.full(n, 1.7e9)
    yield "node_time_seconds", {}, times / 1000
    yield "node_filefd_allocated", {}, gauge(2000, 0)
    yield "node_uname_info", {"nodename": "n", "release": "6.1", "machine": "x86_64"}, np.ones(n)
    yield "up", {}, np.ones(n)


def batches(hosts: list[Host]) -> Iterator[Batch]:
    """As scrapes bring them: in the order of time, a host at a time."""
    for column in range(len(hosts[0].times)):
        for host in hosts:
            yield Batch(host.source, int(host.times[column]), host.labels, host.values[:, column])


def requests(hosts: list[Host], per_request: int = 2000) -> Iterator[bytes]:
    """The same as bodies of remote write 1.0."""
    heads = [[_labels(labels) for labels in host.labels] for host in hosts]
    for column in range(len(hosts[0].times)):
        pending: list[bytes] = []
        for host, head in zip(hosts, heads, strict=True):
            stamp = _varint(int(host.times[column]))
            for labels, value in zip(head, host.values[:, column].tolist(), strict=True):
                sample = b"\x09" + struct.pack("<d", value) + b"\x10" + stamp
                pending.append(_field(1, labels + _field(2, sample)))
        for start in range(0, len(pending), per_request):
            yield bytes(cramjam.snappy.compress_raw(b"".join(pending[start : start + per_request])))


def post(url: str, body: bytes) -> None:
    """One remote write. Raises urllib.error.HTTPError."""
    headers = {
        "Content-Encoding": "snappy", "Content-Type": "application/x-protobuf",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }  # fmt: skip
    urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=30).read()


def _labels(labels: Labels) -> bytes:
    return b"".join(_field(1, _field(1, k.encode()) + _field(2, v.encode())) for k, v in labels.pairs)


def _field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
