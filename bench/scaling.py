"""How the cost of a range query grows: three sizes of series × steps, the same question, our server over HTTP.

Grows no faster than linearly when the last column does not rise. The smallest pays the fixed cost of a request.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from bench.figures import head, load, row
from bench.fleet import INTERVAL_MS, batches, fleet
from opsctl.metrics.store import EmbeddedStore
from tests.api.running import Server, opsctl

_SIZES = ((50, 120), (100, 240), (200, 480))
_QUERIES = (
    "avg by (instance) (rate(node_cpu_seconds_total[5m]))",
    "node_load1 / node_load5 > 0.5",
    "max_over_time(node_load1[10m])",
    "histogram_quantile(0.9, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))",
)
_PER_HOST = {_QUERIES[0]: 8, _QUERIES[1]: 2, _QUERIES[2]: 1, _QUERIES[3]: 10}
_ROUNDS = 7


def run() -> None:
    load()
    head("query", "series × steps", "median", "ns per series and step")
    for expr in _QUERIES:
        for hosts, steps in _SIZES:
            cells = hosts * _PER_HOST[expr] * steps
            took = _measured(expr, hosts, steps)
            row(
                f"`{expr}`",
                f"{hosts * _PER_HOST[expr]:,} × {steps}",
                f"{took * 1e3:.1f} ms",
                f"{took / cells * 1e9:.0f}",
            )
    print()


def _measured(expr: str, hosts: int, steps: int) -> float:
    end_ms = int(time.time() * 1000) - 5000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = EmbeddedStore(folder / "data")
        for batch in batches(fleet(hosts, steps, end_ms)):
            store.append(batch)
        store.close()
        (folder / "p.yml").write_text("{}\n")
        with opsctl(folder / "data", folder / "p.yml") as server:
            return statistics.median([_asked(server, expr, steps, end_ms / 1000) for _ in range(1 + _ROUNDS)][1:])


def _asked(server: Server, expr: str, steps: int, end: float) -> float:
    step = INTERVAL_MS / 1000
    began = time.perf_counter()
    server.get("/api/v1/query_range", query=expr, start=end - steps * step, end=end, step=step).raise_for_status()
    return time.perf_counter() - began
