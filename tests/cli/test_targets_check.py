"""opsctl targets check: one scrape, and what would be stored."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.running import Target

CONFIG = """
scrape_configs:
  - job_name: one
    static_configs: [{{targets: ['{address}'], labels: {{team: x}}}}]
    metric_relabel_configs: [{{source_labels: [__name__], regex: b, action: drop}}]
  - job_name: dead
    static_configs: [{{targets: ['127.0.0.1:1']}}]
  - job_name: empty
"""


@pytest.fixture
def target() -> Iterator[Target]:
    made = Target()
    made.text = 'a{l="m"} 1.5\nb 2\nc 3 1700000000000\n'
    yield made
    made.close()


def check(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "opsctl", "targets", "check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=folder, check=False)


def test_a_job_is_scraped_as_it_would_be(tmp_path: Path, target: Target) -> None:
    file = tmp_path / "prometheus.yml"
    file.write_text(CONFIG.format(address=target.address))
    done = check(tmp_path, "one", "--config.file", str(file))
    assert done.returncode == 0, done.stderr
    head, *series = done.stdout.splitlines()
    assert head.startswith(f"one http://{target.address}/metrics: up, ")
    assert head.endswith("2 series, 1 dropped by relabelling")
    assert series[0] == f'  a{{instance="{target.address}", job="one", l="m", team="x"}} 1.5'
    assert "@2023-11-14T22:13:20" in series[1]
    by_url = check(tmp_path, f"http://{target.address}/metrics", "--config.file", str(file), "--json")
    (found,) = json.loads(by_url.stdout)
    assert (found["job"], found["reports"]["up"], len(found["samples"])) == ("one", 1, 2)


def test_a_url_needs_no_configuration(tmp_path: Path, target: Target) -> None:
    done = check(tmp_path, f"http://{target.address}/metrics", "--limit", "1")
    assert done.returncode == 0, done.stderr
    assert "3 series" in done.stdout
    assert "and 2 more" in done.stdout


@pytest.mark.parametrize(
    ("wanted", "code", "said"),
    [
        ("dead", 1, "dead http://127.0.0.1:1/metrics: down, "), ("oen", 1, "did you mean 'one'"),
        ("empty", 2, "the job empty has no targets"), ("ftp://x", 2, "is not an http or https URL"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_said(tmp_path: Path, target: Target, wanted: str, code: int, said: str) -> None:
    file = tmp_path / "prometheus.yml"
    file.write_text(CONFIG.format(address=target.address))
    done = check(tmp_path, wanted, "--config.file", str(file))
    assert done.returncode == code
    assert said in done.stdout + done.stderr
