"""From fault to alert to message, 20 times, with 5 s scrapes: beside the floor that the intervals set.

A target's gauge flips at a random moment; the metrics process scrapes each 5 s and evaluates each 5 s, the alerting
process sends to a webhook with group_wait 0. Floor: a flip waits on average half a scrape interval to be seen, and the
rule then waits for its next evaluation.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from bench.figures import free_port, head, quantile, row

_RUNS, _INTERVAL = 20, 5.0


class _World:
    """The target's gauge, and when each message came."""

    def __init__(self) -> None:
        self.value = 0
        self.told = threading.Event()
        self.alert_at = 0.0


def _handler(world: _World) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"broken {world.value}\n".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            world.alert_at = time.time()
            (world.told.set if message["status"] == "firing" else lambda: None)()
            if message["status"] == "resolved":
                world.value = -1

        def log_message(self, *_: object) -> None:
            return

    return Handler


@contextlib.contextmanager
def _processes(folder: Path, target: int) -> Iterator[int]:
    alerting, metrics = free_port(), free_port()
    (folder / "rules.yml").write_text(
        "groups: [{name: a, rules: [{alert: Broken, expr: broken == 1, labels: {severity: critical}}]}]\n"
    )
    (folder / "prometheus.yml").write_text(
        f"global: {{scrape_interval: {_INTERVAL:.0f}s, evaluation_interval: {_INTERVAL:.0f}s}}\nrule_files: [rules.yml]\n"
        f"alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{alerting}']}}]}}]}}\n"
        f"scrape_configs: [{{job_name: t, static_configs: [{{targets: ['127.0.0.1:{target}']}}]}}]\n"
    )
    (folder / "alertmanager.yml").write_text(
        "route: {receiver: a, group_wait: 0s, group_interval: 1s, repeat_interval: 4h}\n"
        f"receivers: [{{name: a, webhook_configs: [{{url: 'http://127.0.0.1:{target}/'}}]}}]\n"
    )
    opsctl = [sys.executable, "-m", "opsctl"]
    commands = (
        [
            *opsctl,
            "alertmanager",
            f"--config.file={folder}/alertmanager.yml",
            f"--storage.path={folder}/a",
            f"--web.listen-address=127.0.0.1:{alerting}",
        ],
        [
            *opsctl,
            "prometheus",
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/m",
            f"--web.listen-address=127.0.0.1:{metrics}",
        ],
    )
    running = [subprocess.Popen(c, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for c in commands]
    try:
        yield metrics
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()


def _since(metrics: int) -> float | None:
    """When the metrics process says that the alert became active, or None."""
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/api/v1/alerts", timeout=5) as answer:
        found = json.load(answer)["data"]["alerts"]
    return time.time() if any(a["state"] == "firing" for a in found) else None


def run() -> None:
    world, target = _World(), free_port()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", target), _handler(world))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    to_alert, to_message, chance = [], [], random.Random(1)
    with tempfile.TemporaryDirectory() as name, _processes(Path(name), target) as metrics:
        time.sleep(3 * _INTERVAL)
        for _ in range(_RUNS):
            time.sleep(chance.uniform(0, _INTERVAL))
            world.told.clear()
            world.value, flipped = 1, time.time()
            found = None
            while found is None and time.time() - flipped < 60:
                found = _since(metrics)
                time.sleep(0.02)
            if found is None or not world.told.wait(60):
                raise RuntimeError("the alert or its message did not come within 60 s")
            to_alert.append(found - flipped)
            to_message.append(world.alert_at - flipped)
            world.value = 0
            while world.value == 0:
                time.sleep(0.05)
            world.value = 0
    server.shutdown()
    head("step", "p50", "p95", "floor p50", "floor p95")
    floor = sorted(_floor(chance) for _ in range(20_000))
    for step, times in (("fault → alert fires", to_alert), ("fault → message received", to_message)):
        row(step, *(f"{quantile(t, q):.1f} s" for t in (times, floor) for q in (0.5, 0.95)))


def _floor(chance: random.Random) -> float:
    """Scrape and evaluation at independent phases: time from a flip to the first evaluation after its first scrape."""
    scrape, phase = chance.uniform(0, _INTERVAL), chance.uniform(0, _INTERVAL)
    return scrape + phase
