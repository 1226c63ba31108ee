"""Performs three steps and kills itself with SIGKILL at the given point; run by test_run.py."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opsctl.core.db import Database
from opsctl.journal import SCHEMA, Journal


class Points:
    """Counts the points passed; at number `at` the process dies as by kill -9."""

    def __init__(self, at: int) -> None:
        self.left = at

    def passed(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class PointedDatabase(Database):
    """A Database whose every write has a point before it, one before its commit and one after."""

    points: Points

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        self.points.passed()
        with super().transaction() as tx:
            yield tx
            self.points.passed()
        self.points.passed()


def main(folder: Path, at: int) -> None:
    points = Points(at)
    database = PointedDatabase(folder / "journal.db", SCHEMA)
    database.points = points
    run = Journal(database).run("r")

    def act(key: str) -> dict[str, str]:
        points.passed()
        with (folder / "done").open("a") as file:
            file.write(f"{key}\n")
        points.passed()
        return {"did": key}

    for key in ("a", "b", "c"):
        run.perform(key, {"will": key}, lambda key=key: act(key), time.time)  # type: ignore[misc]
    print("whole")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
