"""Queries and rules beside Debian's Prometheus: 10,000 series × 2 h at 15 s in both, the same questions in turn.

Both answer over HTTP on loopback; the answer is read and thrown away. `ratio` is ours / theirs of the medians.
"""

from __future__ import annotations

import json
import math
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.figures import free_port, head, load, row
from bench.fleet import INTERVAL_MS, Host, batches, fleet, post, requests
from opsctl.metrics.store import EmbeddedStore

_HOSTS, _SAMPLES, _ROUNDS = 200, 480, 15
QUERIES = (
    ("rate by instance", 'sum by (instance) (rate(node_cpu_seconds_total{mode="user"}[5m]))', 0),
    ("topk of a rate", "topk(10, rate(node_network_receive_bytes_total[5m]))", 0),
    ("histogram_quantile", "histogram_quantile(0.99, sum by (le, site) (rate(http_request_duration_seconds_bucket[5m])))", 0),
    ("avg by of a rate, 2 h at 15 s", "avg by (instance) (rate(node_cpu_seconds_total[5m]))", 15),
    ("regular expressions", 'sum by (site) ({__name__=~"node_network_.*_bytes_total",device=~"eth.*"})', 0),
    ("subquery", 'max_over_time(sum by (instance) (rate(node_cpu_seconds_total{mode="user"}[5m]))[30m:1m])', 0),
    ("absent", 'absent(node_load1{instance="nowhere:9100"})', 0),
    ("predict_linear", "predict_linear(node_filesystem_avail_bytes[1h], 4 * 3600) < 0", 0),
    ("join with group_left", "node_load1 * on (instance) group_left (release) node_uname_info", 0),
    ("quantile_over_time", "quantile_over_time(0.9, node_load1[1h])", 0),
    ("comparison, 2 h at 15 s", "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes > 0.9", 15),
    ("histogram_quantile, 2 h at 15 s", "histogram_quantile(0.9, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))", 15),
)  # fmt: skip
_RULES = (
    "node_load1 > 2{n}", "rate(node_network_receive_bytes_total[5m]) > {n}e6",
    "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes > 0.9{n}",
    'avg by (instance) (rate(node_cpu_seconds_total{{mode="idle"}}[5m])) < 0.0{n}',
    "predict_linear(node_filesystem_avail_bytes[1h], {n} * 3600) < 0",
    "histogram_quantile(0.9{n}, sum by (le, instance) (rate(http_request_duration_seconds_bucket[5m]))) > 10",
    "node_filesystem_avail_bytes / node_filesystem_size_bytes < 0.0{n}",
    "rate(node_disk_io_time_seconds_total[5m]) > 0.9{n}", "up == 0 and node_load5 > {n}",
    "changes(node_boot_time_seconds[15m]) > {n}",
)  # fmt: skip


def run() -> None:
    load()
    end_ms = int(time.time() * 1000) - 5000
    hosts = fleet(_HOSTS, _SAMPLES, end_ms)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = _configured(folder)
        _fill(folder / "ours", hosts)
        with _ours(folder, config) as ours, _theirs(folder, config, hosts) as theirs:
            _queries(ours, theirs, end_ms)
            _groups(ours, theirs)
            _memory(ours, theirs)


def _configured(folder: Path) -> Path:
    rules = [{"alert": f"A{i}", "expr": _RULES[i % 10].format(n=i // 10), "for": "5m"} for i in range(100)]
    (folder / "rules.yml").write_text(json.dumps({"groups": [{"name": "hundred", "rules": rules}]}))
    config = folder / "prometheus.yml"
    config.write_text("global: {evaluation_interval: 2s}\nrule_files: [rules.yml]\n")
    return config


def _fill(folder: Path, hosts: list[Host]) -> None:
    store = EmbeddedStore(folder)
    for batch in batches(hosts):
        store.append(batch)
    store.close()


class Server:
    """A Prometheus API under measurement."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process, self.url = process, f"http://127.0.0.1:{port}"

    def get(self, path: str, **params: object) -> bytes:
        url = f"{self.url}{path}?{urllib.parse.urlencode(params)}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            body: bytes = answer.read()
            return body

    def data(self, path: str, **params: object) -> Any:
        return json.loads(self.get(path, **params))["data"]

    def resident(self) -> float:
        """Resident memory in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


@contextmanager
def _serving(command: list[str], port: int) -> Iterator[Server]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server = Server(process, port)
    try:
        for _ in range(300):
            try:
                server.get("/-/ready")
                break
            except OSError:
                time.sleep(0.1)
        yield server
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def _ours(folder: Path, config: Path) -> Iterator[Server]:
    port = free_port()
    command = [
        sys.executable, "-m", "opsctl", "prometheus", f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'ours'}", f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with _serving(command, port) as server:
        yield server


@contextmanager
def _theirs(folder: Path, config: Path, hosts: list[Host]) -> Iterator[Server]:
    program, port = shutil.which("prometheus"), free_port()
    if program is None:
        raise SystemExit("prometheus is not installed: make servers")
    command = [
        program, f"--config.file={config}", f"--storage.tsdb.path={folder / 'theirs'}",
        f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver", "--log.level=error",
    ]  # fmt: skip
    with _serving(command, port) as server:
        for body in requests(hosts):
            post(f"{server.url}/api/v1/write", body)
        yield server


def _queries(ours: Server, theirs: Server, end_ms: int) -> None:
    head("query", "ours, median", "Prometheus, median", "ratio")
    ratios = []
    for name, expr, step in QUERIES:
        times: dict[Server, list[float]] = {ours: [], theirs: []}
        for _ in range(1 + _ROUNDS):
            for server, took in times.items():
                took.append(_asked(server, expr, step, end_ms))
        mine, other = (statistics.median(times[s][1:]) * 1000 for s in (ours, theirs))
        ratios.append(mine / other)
        row(name, f"{mine:.1f} ms", f"{other:.1f} ms", f"{mine / other:.2f}")
    mean = math.exp(statistics.fmean(math.log(r) for r in ratios))
    row("geometric mean", "", "", f"{mean:.2f}")
    row("largest", "", "", f"{max(ratios):.2f}")
    print()


def _asked(server: Server, expr: str, step: int, end_ms: int) -> float:
    end, span = end_ms / 1000, _SAMPLES * INTERVAL_MS / 1000
    began = time.perf_counter()
    if step:
        server.get("/api/v1/query_range", query=expr, start=end - span, end=end, step=step)
    else:
        server.get("/api/v1/query", query=expr, time=end)
    return time.perf_counter() - began


def _groups(ours: Server, theirs: Server) -> None:
    """Both evaluate by themselves each 2 s; what the last ten evaluations took is what they say of themselves."""
    took: dict[Server, dict[str, float]] = {ours: {}, theirs: {}}
    for _ in range(60):
        for server, seen in took.items():
            group = server.data("/api/v1/rules")["groups"][0]
            seen[group["lastEvaluation"]] = group["evaluationTime"]
        time.sleep(0.5)
    mine, other = (statistics.median(list(took[s].values())[1:]) * 1000 for s in (ours, theirs))
    head("100 alerting rules", "ours, median", "Prometheus, median", "ratio")
    row("one evaluation of the group", f"{mine:.0f} ms", f"{other:.0f} ms", f"{mine / other:.2f}")
    print()


def _memory(ours: Server, theirs: Server) -> None:
    mine, other = ours.resident(), theirs.resident()
    head("resident memory", "ours", "Prometheus", "ratio")
    row("after all of this", f"{mine:.0f} MB", f"{other:.0f} MB", f"{mine / other:.2f}")
