"""A small business to back up: a database with objects, written by the clock of a test."""

from __future__ import annotations

import random
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest

from backup.checks import Check
from backup.repository import Repository, open_repository
from backup.run import Done, back_up
from backup.source import SqliteSource
from backup.workspace import Workspace

NOW = 1_764_000_000.0


@dataclass
class Business:
    """A database of orders with a photo each, and the repository that it is backed up to."""

    folder: Path
    now: float = NOW
    count: int = 0

    @property
    def database(self) -> Path:
        return self.folder / "shop.db"

    @property
    def objects(self) -> Path:
        return self.folder / "objects"

    @property
    def source(self) -> SqliteSource:
        return SqliteSource("shop", self.database, self.objects, ("tmp/*",))

    @property
    def repository(self) -> Repository:
        return open_repository(self.folder / "repo", create=True)

    @property
    def workspace(self) -> Workspace:
        return Workspace(self.folder / "repo" / "scratch")

    def clock(self) -> float:
        return self.now

    def order(self, count: int = 1) -> None:
        """Uploads a photo, then commits the order that names it: write-once keys, upload before commit."""
        source = random.Random(self.count)
        with sqlite3.connect(self.database) as database:
            for _ in range(count):
                self.count += 1
                key = f"photos/{self.count}.jpg"
                (self.objects / key).write_bytes(source.randbytes(500))
                database.execute(
                    "INSERT INTO orders VALUES (?,?,?,?,?)", (self.count, self.now, 100, key, source.randbytes(3000))
                )
        database.close()

    def back_up(self) -> Done:
        return back_up(self.source, self.repository, self.workspace, self.clock)


CHECKS = (
    Check(name="orders", sql="SELECT count(*) FROM orders", at_least=1),
    Check(name="money", sql="SELECT sum(fen) - 100 * count(*) FROM orders", equals=0),
    Check(name="newest", newest="SELECT max(at) FROM orders", within_seconds=3600),
    Check(name="photos", objects="SELECT photo FROM orders"),
)


@pytest.fixture
def business(tmp_path: Path) -> Business:
    made = Business(tmp_path)
    (made.objects / "photos").mkdir(parents=True)
    (made.objects / "tmp").mkdir()
    (made.objects / "tmp" / "unfinished").write_text("half an upload")
    with sqlite3.connect(made.database) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, at REAL, fen INTEGER, photo TEXT, note BLOB)")
    database.close()
    made.order(20)
    return made
