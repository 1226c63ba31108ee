from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from opsctl.core.db import Database
from opsctl.core.errors import StateError

ONE = "CREATE TABLE a (x INTEGER)"
TWO = "ALTER TABLE a ADD COLUMN y INTEGER DEFAULT 7"


def test_a_transaction_is_whole_or_not_at_all(tmp_path: Path) -> None:
    db = Database(tmp_path / "s.db", [ONE])
    with pytest.raises(sqlite3.OperationalError, match="no such table"), db.transaction() as tx:
        tx.executemany("INSERT INTO a VALUES (?)", [(1,), (2,)]).execute("INSERT INTO b VALUES (1)")
    assert db.rows("SELECT * FROM a") == []


def test_an_older_file_is_copied_and_migrated(tmp_path: Path) -> None:
    db = Database(tmp_path / "s.db", [ONE])
    with db.transaction() as tx:
        tx.execute("INSERT INTO a VALUES (1)")
    db.close()
    newer = Database(tmp_path / "s.db", [ONE, TWO])
    assert tuple(newer.rows("SELECT x, y FROM a")[0]) == (1, 7)
    copy = sqlite3.connect(tmp_path / "s.db.v1.bak")
    assert copy.execute("SELECT * FROM a").fetchall() == [(1,)]


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    Database(tmp_path / "s.db", [ONE, TWO]).close()
    with pytest.raises(StateError, match="format 2"):
        Database(tmp_path / "s.db", [ONE])
