"""Remote-write ingest: our receiver and Debian's Prometheus, the same client and bodies, one after the other."""

from __future__ import annotations

import http.client
import tempfile
import time
from pathlib import Path

import numpy as np

from opsctl.metrics.remote_protocol import encoded_instant, packed
from opsctl.model.labels import Labels
from tests.api.running import Server, opsctl, prometheus

_HOSTS, _METRICS, _PER_REQUEST, _ROUNDS, _STEP_MS = 200, 50, 2000, 60, 15_000
_HEADERS = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
_RECEIVER = "--web.enable-remote-write-receiver"


def series() -> list[Labels]:
    """200 hosts × 50 node-like metrics, ten labels each."""
    common = {"job": "node", "dc": "sh-1", "env": "prod", "team": "sre", "os": "linux", "arch": "amd64", "rack": "r1"}
    return [
        Labels({**common, "__name__": f"node_metric_{m}_total", "instance": f"host-{h}:9100", "zone": f"z{h % 3}"})
        for h in range(_HOSTS)
        for m in range(_METRICS)
    ]


def bodies(end_ms: int) -> list[bytes]:
    """All requests, times rising up to `end_ms`."""
    labels, random = series(), np.random.default_rng(1)
    made, values = [], np.zeros(len(labels))
    for round_ in range(_ROUNDS):
        values = values + random.integers(0, 100, len(labels))
        at = end_ms - (_ROUNDS - 1 - round_) * _STEP_MS
        for first in range(0, len(labels), _PER_REQUEST):
            part = slice(first, first + _PER_REQUEST)
            made.append(packed(encoded_instant(labels[part], at, values[part])))
    return made


def measured(server: Server, requests: list[bytes]) -> float:
    """Samples a second, the first round (new series) left out."""
    host, port = server.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    warm = _HOSTS * _METRICS // _PER_REQUEST
    began = time.perf_counter()
    for place, body in enumerate(requests):
        if place == warm:
            began = time.perf_counter()
        connection.request("POST", "/api/v1/write", body, _HEADERS)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 204, answer.status
    return (len(requests) - warm) * _PER_REQUEST / (time.perf_counter() - began)


def run() -> None:
    requests = bodies(int(time.time() * 1000))
    print("| | opsctl, samples/s | Prometheus, samples/s | ratio |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "p.yml").write_text("global: {scrape_interval: 1h}\n")
        with prometheus(folder / "theirs", folder / "p.yml", _RECEIVER) as server:
            theirs = measured(server, requests)
        with opsctl(folder / "ours", folder / "p.yml", _RECEIVER) as server:
            ours = measured(server, requests)
    print(
        f"| remote write, {_HOSTS * _METRICS:,} series, {_PER_REQUEST} a request | {ours:,.0f} | {theirs:,.0f} | {ours / theirs:.2f} |"
    )
