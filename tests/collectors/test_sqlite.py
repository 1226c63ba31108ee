"""The SQLite collector on real files."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

import pytest

from collectors.database import database_collector
from collectors.errors import CollectorError, NotReachable
from collectors.sqlite import SqliteCollector, quick_check


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t(a)")
        connection.executemany("INSERT INTO t VALUES (?)", [("x" * 500,)] * 200)
    connection.close()
    return path


def _look(path: Path) -> dict[str, float]:
    families = SqliteCollector(f"sqlite:///{path}").collect()
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_sizes_pages_and_a_free_lock(file: Path) -> None:
    found = _look(file)
    assert found["sqlite_up"] == 1
    assert found["sqlite_database_bytes"] == os.path.getsize(file)
    assert found["sqlite_pages"] * found["sqlite_page_size_bytes"] == found["sqlite_database_bytes"]
    assert found["sqlite_write_lock_available"] == 1
    assert found["sqlite_write_lock_wait_seconds"] < 0.1
    assert found["sqlite_last_write_timestamp_seconds"] == pytest.approx(time.time(), abs=30)


def test_somebody_elses_write_lock_is_seen_in_time_and_leaves_again(file: Path) -> None:
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    holder.execute("INSERT INTO t VALUES (1)")
    start = time.perf_counter()
    locked = _look(file)
    assert time.perf_counter() - start < 0.6
    assert (locked["sqlite_up"], locked["sqlite_write_lock_available"]) == (1, 0)
    assert 0.15 < locked["sqlite_write_lock_wait_seconds"] < 0.5
    holder.execute("COMMIT")
    assert _look(file)["sqlite_write_lock_available"] == 1
    assert _look(file)["sqlite_wal_bytes"] > 0
    holder.close()


def test_looking_changes_nothing(file: Path) -> None:
    before = file.read_bytes()
    _look(file)
    assert file.read_bytes() == before
    assert sqlite3.connect(file).execute("SELECT count(*) FROM t").fetchone() == (200,)


def test_a_missing_or_damaged_file_is_not_up(tmp_path: Path) -> None:
    assert _look(tmp_path / "none.db") == {"sqlite_up": 0}
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "bad.db").write_bytes(b"no database at all" * 300)
    assert _look(tmp_path / "bad.db")["sqlite_up"] == 0


def test_quick_check(file: Path) -> None:
    assert quick_check(f"sqlite:///{file}") == ()
    data = bytearray(file.read_bytes())
    data[8192 : 8192 + 400] = b"\xff" * 400
    file.write_bytes(data)
    assert quick_check(f"sqlite:///{file}") != ()
    with pytest.raises(NotReachable):
        quick_check(f"sqlite:///{file}.gone")


def test_wrong_urls() -> None:
    for url in ("postgres://x/y", "nonsense"):
        with pytest.raises(CollectorError):
            database_collector(url)
