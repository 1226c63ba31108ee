"""opsctl metrics top through the real command: on a folder, on what runs, 80 columns wide."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.cells import cell_len

from opsctl.metrics.fill import fill
from opsctl.metrics.store import EmbeddedStore
from opsctl.model.series import Series
from tests.api.running import Target, opsctl, prometheus
from tests.metrics.support import put, series
from tests.servers import wait_for

NOW = int(time.time()) * 1000
HOUR = 3_600_000


def top(*arguments: str | Path, code: int = 0) -> str:
    command = [sys.executable, "-m", "opsctl", "metrics", "top", *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "80"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def asked(*arguments: str | Path) -> Any:
    return json.loads(top(*arguments, "--json"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A heavy metric of two targets, a light one, and a series that came ten minutes ago when another had gone."""
    store = EmbeddedStore(tmp_path / "store")
    times = np.arange(NOW - 30 * HOUR, NOW - 3 * HOUR, 15_000, dtype=np.int64)
    dice = np.random.default_rng(1)
    heavy = [
        Series(series("heavy", job="web", instance=f"h{i}:1", path=str(p)), times, dice.random(len(times)))
        for i in range(2) for p in range(3)
    ]  # fmt: skip
    fill(store, [*heavy, Series(series("light", job="db", instance="h0:2"), times, np.zeros(len(times)))])
    put(store, NOW - HOUR - 600_000, {series("went", job="db", instance="h0:2"): 1.0})
    put(store, NOW - 600_000, {series("came", job="db", instance="h0:2"): 1.0})
    store.close()
    return tmp_path / "store"


def test_what_is_heavy_comes_first(folder: Path) -> None:
    found = asked("--storage.tsdb.path", folder)
    assert [row["name"] for row in found["rows"]][:2] == ["heavy", "light"]
    heavy = found["rows"][0]
    assert (heavy["series"], heavy["samples"]) == (6, 6 * 27 * 240)
    size = sum(block.stat().st_size for block in folder.glob("blocks/*.block"))
    assert found["block_bytes"] == size
    assert abs(sum(row["bytes"] for row in found["rows"]) - size) <= len(found["rows"])
    assert heavy["bytes"] > 0.95 * size
    churn = {row["name"]: (row["new"], row["gone"]) for row in found["rows"]}
    assert churn == {"heavy": (0, 0), "light": (0, 0), "came": (1, 0), "went": (0, 1)}
    assert (found["total"]["series"], found["total"]["new"], found["total"]["gone"]) == (9, 1, 1)


def test_by_label_job_and_target(folder: Path) -> None:
    there = ("--storage.tsdb.path", folder)
    labels = {
        row["name"]: (row["values"], row["series"], row["most"]) for row in asked(*there, "--by", "label")["rows"]
    }
    assert labels == {"instance": (3, 9, "heavy"), "job": (2, 9, "came"), "path": (3, 6, "heavy")}
    assert [row["name"] for row in asked(*there, "--by", "job")["rows"]] == ["web", "db"]
    targets = asked(*there, "--by", "target", "-n", "2")["rows"]
    assert [(row["name"], row["series"]) for row in targets] == [("web h0:1", 3), ("web h1:1", 3)]


@pytest.mark.parametrize("by", ["metric", "label", "job", "target"])
def test_a_table_fits_80_columns(folder: Path, by: str) -> None:
    text = top("--storage.tsdb.path", folder, "--by", by)
    assert max(cell_len(line) for line in text.splitlines()) <= 80
    assert "序列 series 9" in text
    assert "+1 −1" in text


def test_wrong_use(folder: Path, tmp_path: Path) -> None:
    assert "--by" in top("--by", "colour", code=2)
    assert "is not the folder of a store" in top("--storage.tsdb.path", tmp_path / "none", code=1)
    store = EmbeddedStore(folder)
    assert "is in use by another process" in top("--storage.tsdb.path", folder, code=1)
    store.close()


def test_what_runs_is_asked_through_its_api(tmp_path: Path) -> None:
    target = Target()
    target.text = "".join(f'hits{{path="/{i}"}} {i}\n' for i in range(30))
    config = tmp_path / "prometheus.yml"
    config.write_text(
        "scrape_configs:\n- {job_name: a, scrape_interval: 1s, scrape_timeout: 1s, "
        f"static_configs: [{{targets: ['{target.address}']}}]}}\n"
    )
    with opsctl(tmp_path / "data", config) as server:
        wait_for(lambda: server.value("count(hits)") == 30, 20, "the series")
        found = asked("--url", server.url, "-n", "1")
        row = found["rows"][0]
        assert (row["name"], row["series"], row["new"], row["bytes"]) == ("hits", 30, 30, 0)
        assert row["samples"] >= 30
        assert found["wal_bytes"] > 0
        assert "hits" in top("--url", server.url)
        refused = server.get("/api/v1/status/tsdb/usage", by="colour")
        assert (refused.status_code, refused.json()["errorType"]) == (400, "bad_data")
    with prometheus(tmp_path / "theirs", config) as other:
        assert "see its own /api/v1/status/tsdb" in top("--url", other.url, code=1)
    target.close()
