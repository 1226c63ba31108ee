"""From fault to alert to message: 20 faults, 5 s scrapes and evaluations, beside the floor that the intervals set.

Four shells of two processes each, so that scrape and evaluation meet at four different phases, take five faults each.
A target's gauge breaks at a random moment; the metrics process scrapes and evaluates it, the alerting process sends to
a webhook (`for` and `group_wait` are 0: both are choices of the rules, not costs of the product).
Floor of a fault: the first evaluation after the first scrape after the fault; nothing could have known sooner.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.figures import free_port, head, load, quantile, row
from bench.target import Target

_SHELLS, _FAULTS, _INTERVAL, _PATIENCE = 4, 5, 5.0, 60.0


@dataclass(frozen=True)
class Times:
    """Of one fault, each in seconds after it."""

    floor: float
    scraped: float
    firing: float
    message: float


def run() -> None:
    load()
    with ThreadPoolExecutor(_SHELLS) as pool:
        found = [times for shell in pool.map(_shell, range(_SHELLS)) for times in shell]
    head("step, after the fault", "p50", "p95", "max")
    for step, values in (
        ("first scrape that shows it", [t.scraped for t in found]),
        ("floor: first evaluation after that scrape", [t.floor for t in found]),
        ("alert fires", [t.firing for t in found]),
        ("message received", [t.message for t in found]),
        ("message received, above the floor", [t.message - t.floor for t in found]),
    ):
        row(step, *(f"{quantile(values, q):.2f} s" for q in (0.5, 0.95, 1)))


def _shell(number: int) -> list[Times]:
    chance, target = random.Random(number), Target()
    with tempfile.TemporaryDirectory() as folder, target.serving(), _processes(Path(folder), target.port) as metrics:
        time.sleep(3 * _INTERVAL)
        return [_fault(target, metrics, chance) for _ in range(_FAULTS)]


def _fault(target: Target, metrics: int, chance: random.Random) -> Times:
    time.sleep(chance.uniform(0, _INTERVAL))
    failed = target.fail()
    fires = _fires(metrics, failed + _PATIENCE)
    if not target.firing.wait(_PATIENCE):
        raise RuntimeError(f"no message within {_PATIENCE:.0f} s")
    scraped = target.scraped_at
    floor = scraped + (_evaluated(metrics) - scraped) % _INTERVAL
    target.mend()
    if not target.resolved.wait(_PATIENCE):
        raise RuntimeError(f"not resolved within {_PATIENCE:.0f} s")
    return Times(floor - failed, scraped - failed, fires - failed, target.told_at - failed)


def _fires(metrics: int, end: float) -> float:
    """When the metrics process first says that the alert is firing."""
    while time.time() < end:
        if any(a["state"] == "firing" for a in _ask(metrics, "alerts")["alerts"]):
            return time.time()
        time.sleep(0.05)
    raise RuntimeError(f"no alert within {_PATIENCE:.0f} s")


def _evaluated(metrics: int) -> float:
    """When the rule was last evaluated; it is evaluated each interval at the same phase."""
    group = _ask(metrics, "rules")["groups"][0]
    return datetime.fromisoformat(group["lastEvaluation"]).timestamp()


def _ask(metrics: int, what: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/api/v1/{what}", timeout=5) as answer:
        return json.load(answer)["data"]


@contextmanager
def _processes(folder: Path, target: int) -> Iterator[int]:
    """The two processes of one shell; yields the metrics process' port."""
    alerting, metrics = free_port(), free_port()
    rule = f"{{alert: Broken, expr: broken == 1, labels: {{severity: critical, shell: '{target}'}}}}"
    (folder / "rules.yml").write_text(f"groups: [{{name: g{target}, rules: [{rule}]}}]\n")
    (folder / "prometheus.yml").write_text(
        f"global: {{scrape_interval: {_INTERVAL:.0f}s, evaluation_interval: {_INTERVAL:.0f}s}}\nrule_files: [rules.yml]\n"
        f"alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{alerting}']}}]}}]}}\n"
        f"scrape_configs: [{{job_name: t, static_configs: [{{targets: ['127.0.0.1:{target}']}}]}}]\n"
    )
    (folder / "alertmanager.yml").write_text(
        "route: {receiver: a, group_wait: 0s, group_interval: 1s, repeat_interval: 4h}\n"
        f"receivers: [{{name: a, webhook_configs: [{{url: 'http://127.0.0.1:{target}/'}}]}}]\n"
    )
    with ExitStack() as stack:
        stack.enter_context(opsctl(folder, "alertmanager", "--storage.path", alerting))
        stack.enter_context(opsctl(folder, "prometheus", "--storage.tsdb.path", metrics))
        yield metrics


@contextmanager
def opsctl(folder: Path, name: str, storage: str, port: int) -> Iterator[None]:
    flags = [
        f"--config.file={folder}/{name}.yml",
        f"{storage}={folder}/{name}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    command = [sys.executable, "-m", "opsctl", name, *flags]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()
