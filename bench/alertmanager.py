"""The alerting process beside Debian's Alertmanager: the same posts to both, one after the other, in one run.

Latency: single alerts, group_wait 0, from the POST to the webhook. Burst: 10,000 distinct alerts in ten POSTs, in 100
and in 10,000 groups, until the webhook has been told of all; CPU seconds and peak memory of the process. Accepted: posts
of 100 alerts over four connections, nothing notified. Come and go: 100,000 alerts that fire and resolve; memory after
each fifth.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil

from bench.figures import free_port, head, load, quantile, row
from bench.hook import Hook
from opsctl.core.db import Database

_ALERTS, _SINGLES, _PATIENCE = 10_000, 300, 120.0
_ORIGINAL = "prometheus-alertmanager"


@dataclass
class Server:
    """One of the two, running."""

    name: str
    port: int
    process: psutil.Process

    def post(self, alerts: list[dict[str, Any]], connection: HTTPConnection | None = None) -> None:
        link = connection or HTTPConnection("127.0.0.1", self.port, timeout=60)
        link.request("POST", "/api/v2/alerts", json.dumps(alerts), {"Content-Type": "application/json"})
        answer = link.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{self.name}: {answer.status}")

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=60)

    def cpu(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def memory(self, peak: bool = False) -> float:
        """MiB resident now, or at most so far."""
        if not peak:
            return float(self.process.memory_info().rss) / 2**20
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024


def run() -> None:
    load()
    head("measurement", "opsctl", "Alertmanager (Debian)")
    for measure in (_latency, _burst_100, _burst_10_000, _accepted, _come_and_go):
        found = [measure(name) for name in ("opsctl", _ORIGINAL) if name == "opsctl" or shutil.which(name)]
        for label in found[0]:
            row(label, *(each[label] for each in found))


def _latency(name: str) -> dict[str, str]:
    hook, took = Hook(), []
    with _running(name, hook, "group_by: ['...'], group_wait: 0s") as server:
        link = server.connect()
        for number in range(_SINGLES):
            hook.expect(1)
            began = time.time()
            server.post([_alert(number)], link)
            took.append(hook.wait(10) - began)
            time.sleep(0.005)
    writes = _durable_writes() if name == "opsctl" else [0.0]
    return {
        f"from POST to webhook, p{q}": f"{quantile(took, q / 100) * 1000:.2f} ms"
        + (f" (one durable write: {quantile(writes, q / 100) * 1000:.2f} ms)" if name == "opsctl" else "")
        for q in (50, 99)
    }


def _durable_writes() -> list[float]:
    """Seconds that one small transaction takes on the same disk."""
    took = []
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "one.db", ["CREATE TABLE one (data BLOB)"])
        for _ in range(_SINGLES):
            began = time.perf_counter()
            with database.transaction() as tx:
                tx.execute("INSERT INTO one VALUES (?)", (b"x" * 1000,))
            took.append(time.perf_counter() - began)
            time.sleep(0.005)
        database.close()
    return took


def _burst_100(name: str) -> dict[str, str]:
    return _burst(name, 100)


def _burst_10_000(name: str) -> dict[str, str]:
    return _burst(name, 10_000)


def _burst(name: str, groups: int) -> dict[str, str]:
    hook = Hook()
    hook.expect(_ALERTS)
    interval = "1s" if groups < _ALERTS else "5m"  # later alerts of a group have to be told, too
    with _running(name, hook, f"group_by: [group], group_wait: 0s, group_interval: {interval}") as server:
        link, began, before = server.connect(), time.time(), server.cpu()
        for first in range(0, _ALERTS, 1000):
            server.post([_alert(n, group=str(n % groups)) for n in range(first, first + 1000)], link)
        took = hook.wait(_PATIENCE) - began
        spent, most = server.cpu() - before, server.memory(peak=True)
    label = f"{_ALERTS:,} alerts in {groups:,} groups"
    return {
        f"{label}: all told": f"{took:.2f} s",
        f"{label}: CPU": f"{spent:.2f} s",
        f"{label}: peak memory": f"{most:.0f} MiB",
    }


def _accepted(name: str) -> dict[str, str]:
    hook, posts = Hook(), 200
    with _running(name, hook, "group_by: [group], group_wait: 1h") as server, ThreadPoolExecutor(4) as pool:
        bodies = [[_alert(p * 100 + n, group=str(n)) for n in range(100)] for p in range(posts)]
        links = [server.connect() for _ in range(4)]
        began, before = time.time(), server.cpu()
        list(pool.map(lambda k: [server.post(b, links[k]) for b in bodies[k::4]], range(4)))
        rate = posts * 100 / (time.time() - began)
        spent = server.cpu()
    return {
        "alerts accepted (opsctl: durable)": f"{rate:,.0f}/s",
        "alerts accepted for each second of CPU": f"{posts * 100 / (spent - before):,.0f}",
    }


def _come_and_go(name: str) -> dict[str, str]:
    hook, memory = Hook(), []
    with _running(
        name, hook, "group_by: [group], group_wait: 0s, group_interval: 1s", "--alerts.gc-interval=1s"
    ) as server:
        link = server.connect()
        for fifth in range(5):
            for wave in range(20):
                first = (fifth * 20 + wave) * 1000
                alerts = [_alert(n, group=str(n % 10)) for n in range(first, first + 1000)]
                server.post(alerts, link)
                ended = datetime.now(UTC).isoformat()
                server.post([{**a, "endsAt": ended} for a in alerts], link)
            time.sleep(3)
            memory.append(server.memory())
    return {"memory after each 20,000 of 100,000 that come and go": " · ".join(f"{m:.0f}" for m in memory) + " MiB"}


def _alert(number: int, **more: str) -> dict[str, Any]:
    labels = {"alertname": "Bench", "instance": f"host-{number}", "severity": "warning", **more}
    notes = {"summary": f"instance host-{number} is not well", "runbook": "https://example.com/runbooks/bench"}
    return {"labels": labels, "annotations": notes, "generatorURL": "http://prometheus.example.com/graph"}


@contextmanager
def _running(name: str, hook: Hook, route: str, *flags: str) -> Iterator[Server]:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "alertmanager.yml"
        file.write_text(
            f"route: {{receiver: a, {route}}}\nreceivers: [{{name: a, webhook_configs: [{{url: '{hook.url}'}}]}}]\n"
        )
        command = [sys.executable, "-m", "opsctl", "alertmanager"] if name == "opsctl" else [name]
        process = subprocess.Popen(
            [*command, f"--config.file={file}", f"--storage.path={folder}/data", "--cluster.listen-address=",
             f"--web.listen-address=127.0.0.1:{port}", "--log.level=error", *flags],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={k: v for k, v in os.environ.items() if not k.startswith("OPSCTL")},
        )  # fmt: skip
        try:
            _wait_ready(port)
            yield Server(name, port, psutil.Process(process.pid))
        finally:
            process.terminate()
            process.wait(30)


def _wait_ready(port: int) -> None:
    end = time.time() + 20
    while time.time() < end:
        try:
            link = HTTPConnection("127.0.0.1", port, timeout=2)
            link.request("GET", "/-/ready")
            if link.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"nothing answers on port {port}")
