"""opsctl collect, as a user types it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT, free_port


def _opsctl(*arguments: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "opsctl", "collect", *map(str, arguments)]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A system of one's own: opsctl.yml, an inventory, a figure."""
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute("CREATE TABLE sales(at INTEGER)")
        connection.execute("INSERT INTO sales VALUES (unixepoch())")
    (tmp_path / "opsctl.yml").write_text("home: var\nsystems: {shop: shop.yml}\n")
    (tmp_path / "shop.yml").write_text(
        "system: shop\ndatabases:\n  - {name: shop, url: 'sqlite:///${here}/shop.db', figures: '${here}/figures.yml'}\n"
    )
    (tmp_path / "figures.yml").write_text(
        "- {name: shop_sales_1h, help: Sales., sql: 'SELECT count(*) FROM sales WHERE at > :now - 3600'}\n"
    )
    return tmp_path


def test_host_prints_exposition_text_and_json() -> None:
    text = _opsctl("host")
    assert text.returncode == 0
    assert "# TYPE node_cpu_seconds_total counter" in text.stdout
    samples = json.loads(_opsctl("host", "--json").stdout)
    assert [sample["labels"] for sample in samples if sample["name"] == "node_load1"] == [{}]


def test_the_inventorys_database_and_figures(own: Path) -> None:
    database = _opsctl("database", cwd=own)
    assert database.returncode == 0, database.stderr
    assert "sqlite_up 1.0" in database.stdout
    figures = _opsctl("figures", "--json", cwd=own)
    assert figures.returncode == 0, figures.stderr
    assert {"name": "shop_sales_1h", "labels": {}, "value": 1.0} in json.loads(figures.stdout)


def test_something_wrong_is_exit_1_wrong_use_2(own: Path) -> None:
    down = _opsctl("probe", f"http://127.0.0.1:{free_port()}/")
    assert down.returncode == 1
    assert "probe_success 0.0" in down.stdout
    assert _opsctl("database", "--url", f"sqlite:///{own}/none.db").returncode == 1
    refused = _opsctl("database", "--name", "shopp", cwd=own)
    assert refused.returncode == 1
    assert "shop" in refused.stderr
    assert "Traceback" not in refused.stderr
    (own / "figures.yml").write_text("- {nam: x}\n")
    wrong = _opsctl("figures", cwd=own)
    assert wrong.returncode == 2
    assert "did you mean 'name'?" in wrong.stderr
    assert _opsctl("probe").returncode == 2
