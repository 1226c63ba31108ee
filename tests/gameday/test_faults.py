"""Each fault does what it says to a real thing, and can be taken away."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import requests

from opsctl.core.errors import OpsctlError
from opsctl.core.versions import ConfigVersions
from opsctl.gameday.faults import FAULTS
from opsctl.gameday.scenario import FaultOf
from tests.servers import free_port


def _versions(folder: Path, text: str) -> ConfigVersions:
    (folder / "versions").mkdir(parents=True)
    (folder / "versions" / "0001.yml").write_text(text)
    (folder / "current").write_text("0001\n")
    return ConfigVersions(folder)


def test_a_lock_stops_writers_until_it_is_lifted(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    writer = sqlite3.connect(path, timeout=0.1, isolation_level=None)
    writer.execute("PRAGMA journal_mode=WAL")
    writer.execute("CREATE TABLE a (x)")
    fault = FaultOf(kind="database_lock", path=str(path))
    record = FAULTS["database_lock"].inject(fault)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        writer.execute("INSERT INTO a VALUES (1)")
    assert psutil.Process(record["pid"]).ppid() != os.getpid()
    FAULTS["database_lock"].lift(fault, record)
    deadline = time.monotonic() + 5
    while True:
        try:
            writer.execute("INSERT INTO a VALUES (1)")
            break
        except sqlite3.OperationalError:
            assert time.monotonic() < deadline


def test_a_killed_service_finds_its_port_taken_by_a_stranger() -> None:
    port = free_port()
    service = subprocess.Popen(
        [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"], stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 10
    while True:
        try:
            requests.get(f"http://127.0.0.1:{port}", timeout=1)
            break
        except requests.ConnectionError:
            assert time.monotonic() < deadline
    fault = FaultOf(kind="kill_and_steal_port", process="x", port=port)
    record = FAULTS["kill_and_steal_port"].inject(fault)
    assert service.wait(5) == -9
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}", timeout=2)
    assert psutil.Process(record["pid"]).net_connections()[0].laddr.port == port
    FAULTS["kill_and_steal_port"].lift(fault, record)
    FAULTS["kill_and_steal_port"].lift(fault, record)
    time.sleep(0.2)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=2)


def test_nothing_on_the_port_is_an_error_that_says_so() -> None:
    with pytest.raises(OpsctlError, match="nothing listens"):
        FAULTS["kill_and_steal_port"].inject(FaultOf(kind="kill_and_steal_port", port=free_port()))


def test_a_folder_is_filled_with_files_that_expired_long_ago(tmp_path: Path) -> None:
    _versions(tmp_path / "config", "storage: {quota_bytes: 10000000}\n")
    objects = tmp_path / "objects"
    objects.mkdir()
    (objects / "photo").write_bytes(b"x" * 1_000_000)
    fault = FaultOf(
        kind="fill_folder",
        path=str(objects / "tmp"),
        config=str(tmp_path / "config"),
        limit_bytes_key="storage.quota_bytes",
    )
    FAULTS["fill_folder"].inject(fault)
    used = sum(f.stat().st_size for f in objects.rglob("*") if f.is_file())
    assert used == 9_700_000
    assert all(time.time() - f.stat().st_mtime > 86_400 for f in (objects / "tmp").iterdir())


def test_a_bad_version_is_published_and_taken_back(tmp_path: Path) -> None:
    versions = _versions(tmp_path / "config", "a: {b: 1}\n")
    fault = FaultOf(kind="config", config=str(tmp_path / "config"), key="a.b", value=2)
    record = FAULTS["config"].inject(fault)
    assert (versions.current, versions.get("a.b")) == ("0002", 2)
    FAULTS["config"].lift(fault, record)
    assert versions.current == "0001"
