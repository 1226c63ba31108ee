"""What breaks around the shell is a metric and an alert of its own, and never a loop that is stuck."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.e2e.armed import armed
from tests.e2e.outside import Outside
from tests.e2e.stack import ROOT, Stack
from tests.e2e.test_kill import post
from tests.servers import free_port, http_ok, mariadb, started, wait_for

SECONDS_PENDING = 8
"""The product pages after two minutes of waiting messages; the test's copy of the rule has less patience."""


@pytest.fixture
def outside(stack: Stack) -> Iterator[Outside]:
    rules = stack.folder / "alert_rules" / "shell.yml"
    text = rules.read_text()
    shorter = text.replace("oldest_pending_seconds) > 120", f"oldest_pending_seconds) > {SECONDS_PENDING}")
    assert shorter != text
    rules.write_text(shorter)
    made = Outside()
    made.start()
    try:
        with armed(stack, made):
            wait_for(lambda: len(made.served) > 4, 20, "the tests' own targets are scraped")
            yield made
    finally:
        rules.write_text(text)
        made.stop()


def test_a_dead_target_and_a_hung_receiver(stack: Stack, outside: Outside) -> None:
    outside.robots.answers["dingtalk"] = "hang"
    outside.close_targets()
    post(stack, time.time() + 3600, "ToARobotThatHangs")
    wall = len(_wall(stack))
    wait_for(lambda: {"TargetDown", "DeliveryFailing"} <= _firing(stack), 60, "both alerts")
    wait_for(lambda: any("DeliveryFailing" in m["text"] for m in _wall(stack)[: len(_wall(stack)) - wall]), 20, "told")
    assert stack.json("query", 'up{job="e2e-1"} == 0')["result"]
    stuck = stack.json("query", "opsctl_deliveries_oldest_pending_seconds")["result"]
    assert max(float(r["value"][1]) for r in stuck) > SECONDS_PENDING
    assert _on_time(stack)
    outside.robots.answers.clear()
    outside.open_targets()
    wait_for(lambda: not {"TargetDown", "DeliveryFailing"} & _firing(stack), 90, "the end of both alerts")
    assert outside.robots.of("dingtalk")
    post(stack, time.time() - 1, "ToARobotThatHangs")


def test_a_slow_database(tmp_path: Path) -> None:
    """A MariaDB that stands still (SIGSTOP): its figures fail, the alert fires, this host is scraped on."""
    with mariadb(tmp_path / "db") as server, metrics_alone(tmp_path, _system(tmp_path, server.url("test"))) as url:
        wait_for(lambda: _value(url, "mysql_up") == 1, 20, "the database is scraped")
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            wait_for(lambda: {"DatabaseDown db", "TargetDown db"} & _alerts(url), 75, "its alert")
            assert _value(url, 'count_over_time(up{job="node"}[10s])') >= 8
            assert _value(url, 'min_over_time(up{job="node"}[10s])') == 1
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
        wait_for(lambda: _value(url, "mysql_up") == 1, 30, "the database is scraped again")


def test_a_full_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 6) as disk, metrics_alone(tmp_path, "", disk / "data") as url:
        wait_for(lambda: _value(url, 'up{job="node"}') == 1, 20, "this host is scraped")
        filler = disk / "filler"
        _fill(filler)
        wait_for(lambda: "StoreWriteFailing metrics" in _alerts(url), 60, "StoreWriteFailing")
        assert http_ok(f"{url}/-/healthy")
        assert _value(url, 'time() - timestamp(up{job="node"})') < 5  # what is measured is still answered
        filler.unlink()
        time.sleep(3)
        failed = _value(url, "prometheus_tsdb_wal_writes_failed_total")
        time.sleep(5)
        assert _value(url, "prometheus_tsdb_wal_writes_failed_total") == failed


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own; needs root."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a full disk needs root and mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as out:
        try:
            while True:
                out.write(b"x" * 4096)
        except OSError:
            return


def _system(folder: Path, database: str) -> str:
    (folder / "inventory.yml").write_text(f"system: mine\ndatabases: [{{name: main, url: '{database}'}}]\n")
    (folder / "opsctl.yml").write_text("home: var\nsystems: {mine: inventory.yml}\n")
    return "opsctl.yml"


@contextmanager
def metrics_alone(folder: Path, settings: str = "", data: Path | None = None) -> Iterator[str]:
    """`opsctl prometheus` by itself with the product's own rules: this host, itself, and the database if there is one."""
    port = free_port()
    jobs = [("node", "/collectors/host", ""), ("opsctl", "/metrics", "metrics")]
    jobs += [("database", "/collectors/database", "db")] if settings else []
    scraped = "".join(
        f"  - {{job_name: {job}, metrics_path: {path}, static_configs: [{{targets: ['127.0.0.1:{port}']"
        + (f", labels: {{service: {service}}}" if service else "")
        + "}]"
        + (", params: {name: [main]}, scrape_interval: 5s, scrape_timeout: 4s" if job == "database" else "")
        + "}\n"
        for job, path, service in jobs
    )  # fmt: skip
    file = folder / "prometheus.yml"
    file.write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
        f"rule_files: ['{ROOT}/alert_rules/*.yml']\nscrape_configs:\n{scraped}"
    )
    flags = [f"--config.file={file}", f"--storage.tsdb.path={data or folder / 'data'}"]
    flags += [f"--web.listen-address=127.0.0.1:{port}", *(["--config", str(folder / settings)] if settings else [])]
    url = f"http://127.0.0.1:{port}"
    with ExitStack() as stack:
        command = [sys.executable, "-m", "opsctl", "prometheus", *flags]
        stack.enter_context(started(command, lambda: http_ok(f"{url}/-/ready"), folder / "metrics.log", cwd=folder))
        yield url


def _value(url: str, query: str) -> float | None:
    found = requests.get(f"{url}/api/v1/query", params={"query": query}, timeout=10).json()["data"]["result"]
    return float(found[0]["value"][1]) if found else None


def _alerts(url: str) -> set[str]:
    found = requests.get(f"{url}/api/v1/alerts", timeout=10).json()["data"]["alerts"]
    return {f"{a['labels']['alertname']} {a['labels'].get('service')}" for a in found if a["state"] == "firing"}


def _firing(stack: Stack) -> set[str]:
    return {a["labels"]["alertname"] for a in stack.json("alerts", "list")}


def _wall(stack: Stack) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = requests.get(f"{stack.url(8600)}/api/wall", timeout=5).json()["messages"]
    return found


def _on_time(stack: Stack) -> bool:
    """Every other target was scraped a moment ago."""
    late = stack.json("query", "time() - timestamp(up)")["result"]
    return all(float(r["value"][1]) < 20 for r in late)
