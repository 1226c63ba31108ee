"""A client made by hand, and the same request to us and to Debian's Prometheus."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import requests

from opsctl.metrics.remote_protocol import packed
from opsctl.metrics.remote_wire import number, sized

RECEIVER = "--web.enable-remote-write-receiver"
HEADERS = {
    "Content-Encoding": "snappy", "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}  # fmt: skip
Pairs = Sequence[tuple[str | bytes, str | bytes]]
Samples = list[tuple[int, float]]


def entry(pairs: Pairs, samples: Samples, more: bytes = b"") -> bytes:
    """A TimeSeries as a careless client writes it: labels in any order, twice, or none."""
    labels = b"".join(sized(0x0A, sized(0x0A, _bytes(n)) + sized(0x12, _bytes(v))) for n, v in pairs)
    rows = b"".join(sized(0x12, b"\x09" + struct.pack("<d", v) + b"\x10" + number(t)) for t, v in samples)
    return sized(0x0A, labels + rows + more)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def named(name: str, *samples: tuple[int, float]) -> bytes:
    return entry([("__name__", name), ("job", "j"), ("instance", "i")], list(samples))


def post(url: str, *entries: bytes, headers: dict[str, str] | None = None) -> requests.Response:
    return raw(url, packed(b"".join(entries)), headers)


def raw(url: str, body: bytes, headers: dict[str, str] | None = None) -> requests.Response:
    return requests.post(f"{url}/api/v1/write", data=body, headers=HEADERS | (headers or {}), timeout=20)
