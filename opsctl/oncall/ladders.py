"""The ladders in force, and how they are written down: state, and a log of every step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import orjson

from opsctl.core.db import Database
from opsctl.oncall.ladder import Ladder, Page

SCHEMA = """CREATE TABLE ladder (group_key TEXT, integration TEXT, data BLOB NOT NULL, batch BLOB NOT NULL,
        PRIMARY KEY (group_key, integration)) WITHOUT ROWID;
    CREATE TABLE page (id INTEGER PRIMARY KEY, group_key TEXT NOT NULL, integration TEXT NOT NULL, began REAL NOT NULL,
        lap INTEGER NOT NULL, step INTEGER NOT NULL, at REAL NOT NULL, person TEXT NOT NULL, via TEXT NOT NULL,
        delivery INTEGER, note TEXT NOT NULL);
    CREATE INDEX page_group ON page (group_key, integration, at)"""
Place = tuple[str, str]
"""(group key, integration key)."""
Statement = tuple[str, Sequence[Sequence[object]]]


def remember(database: Database) -> dict[Place, tuple[Ladder, bytes]]:
    """The ladders of the last life, each with the batch it was told."""
    return {
        (r["group_key"], r["integration"]): (ladder_of(orjson.loads(r["data"])), bytes(r["batch"]))
        for r in database.rows("SELECT * FROM ladder")
    }


def ladder_json(ladder: Ladder) -> dict[str, Any]:
    return asdict(ladder)


def ladder_of(made: Mapping[str, Any]) -> Ladder:
    """The reverse of `ladder_json`."""
    return Ladder(**{**made, "fingerprints": tuple(made["fingerprints"]), "paged": tuple(made["paged"])})


def put(ladder: Ladder, batch: bytes) -> Statement:
    data = orjson.dumps(ladder_json(ladder))
    return "INSERT OR REPLACE INTO ladder VALUES (?,?,?,?)", [(ladder.group_key, ladder.integration, data, batch)]


def drop(place: Place) -> Statement:
    return "DELETE FROM ladder WHERE group_key=? AND integration=?", [place]


def put_pages(ladder: Ladder, pages: Iterable[tuple[Page, str, int | None, str]], now: float) -> Statement:
    """(page, via, delivery or None, note): what a step did, and whom it could not reach."""
    return (
        """INSERT INTO page (group_key, integration, began, lap, step, at, person, via, delivery, note)
        VALUES (?,?,?,?,?,?,?,?,?,?)""",
        [
            (ladder.group_key, ladder.integration, ladder.began, p.lap, p.step, now, p.person, via, delivery, note)
            for p, via, delivery, note in pages
        ],
    )


def prune(before: float) -> Statement:
    return "DELETE FROM page WHERE at < ?", [(before,)]


def pages_about(database: Database, group_keys: Sequence[str]) -> list[dict[str, Any]]:
    """What ladders did for these groups, oldest first."""
    rows = database.rows(
        "SELECT * FROM page WHERE group_key IN (SELECT value FROM json_each(?)) ORDER BY id",
        orjson.dumps(list(group_keys)).decode(),
    )
    return [dict(r) for r in rows]
