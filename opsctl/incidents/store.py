"""Incidents on disk. One poll is one transaction; a moment enters a timeline once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import orjson

from opsctl.core.db import Database
from opsctl.core.errors import NotFound
from opsctl.incidents.follow import Change
from opsctl.incidents.incident import Incident, Member, Moment

SCHEMA: Sequence[str] = (
    """CREATE TABLE incident (
        id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, title TEXT NOT NULL, severity TEXT NOT NULL,
        opened_at REAL NOT NULL, runbook TEXT NOT NULL, acked_at REAL, acked_by TEXT NOT NULL, closed_at REAL,
        reopened INTEGER NOT NULL, members TEXT NOT NULL);
    CREATE INDEX incident_opened ON incident (opened_at);
    CREATE INDEX incident_closed ON incident (closed_at);
    CREATE TABLE incident_moment (
        id INTEGER PRIMARY KEY, incident INTEGER NOT NULL REFERENCES incident, source TEXT NOT NULL, at REAL NOT NULL,
        kind TEXT NOT NULL, zh TEXT NOT NULL, en TEXT NOT NULL, data TEXT NOT NULL, UNIQUE (incident, source));
    CREATE TABLE incident_cursor (name TEXT PRIMARY KEY, value INTEGER NOT NULL)""",
)


class IncidentStore:
    """Reads and writes incidents and their timelines."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def recent(self, closed_after: float) -> list[Incident]:
        """The open ones, and those closed since."""
        rows = self._db.rows("SELECT * FROM incident WHERE closed_at IS NULL OR closed_at >= ?", closed_after)
        return [_incident(r) for r in rows]

    def list(self, state: str = "all", limit: int = 100, opened_after: float = 0.0) -> Sequence[Incident]:
        """Newest first. `state`: open, closed or all."""
        rows = self._db.rows(
            "SELECT * FROM incident WHERE opened_at >= ? AND (? = 'all' OR (closed_at IS NULL) = (? = 'open'))"
            " ORDER BY opened_at DESC, id DESC LIMIT ?",
            opened_after, state, state, limit,
        )  # fmt: skip
        return [_incident(r) for r in rows]

    def get(self, number: int) -> Incident:
        """Raises NotFound."""
        row = self._db.row("SELECT * FROM incident WHERE id=?", number)
        if row is None:
            raise NotFound(f"no incident {number}", "opsctl incidents list")
        return _incident(row)

    def timeline(self, number: int) -> Sequence[Moment]:
        """In order of time."""
        rows = self._db.rows("SELECT * FROM incident_moment WHERE incident=? ORDER BY at, id", number)
        return [
            Moment(
                source=r["source"], at=r["at"], kind=r["kind"], zh=r["zh"], en=r["en"], data=orjson.loads(r["data"])
            )
            for r in rows
        ]  # fmt: skip

    def entered(self, numbers: Iterable[int]) -> dict[int, set[str]]:
        """The sources of the moments in these incidents' timelines."""
        return {
            n: {r["source"] for r in self._db.rows("SELECT source FROM incident_moment WHERE incident=?", n)}
            for n in numbers
        }

    def apply(self, changes: Iterable[Change], cursor: int) -> None:
        """All of one poll, or nothing. `cursor`: up to which runbook event it has gone."""
        with self._db.transaction() as tx:
            for change in changes:
                number = _write(tx, change.incident)
                for moment in change.moments:
                    _enter(tx, number, moment)
            tx.execute("INSERT OR REPLACE INTO incident_cursor VALUES ('runs', ?)", (cursor,))

    def enter(self, number: int, moment: Moment) -> None:
        with self._db.transaction() as tx:
            _enter(tx, number, moment)

    def cursor(self) -> int:
        """The last runbook event that was taken in."""
        row = self._db.row("SELECT value FROM incident_cursor WHERE name='runs'")
        return 0 if row is None else int(row["value"])


def _write(tx: Any, incident: Incident) -> int:
    values = (
        _json(incident.key), incident.title, incident.severity, incident.opened_at, incident.runbook, incident.acked_at,
        incident.acked_by, incident.closed_at, incident.reopened, _json([asdict(m) for m in incident.members]),
    )  # fmt: skip
    if incident.id == 0:
        made = tx.execute(
            "INSERT INTO incident (key, title, severity, opened_at, runbook, acked_at, acked_by, closed_at, reopened,"
            " members) VALUES (?,?,?,?,?,?,?,?,?,?)",
            values,
        )
        return int(made.lastrowid)
    tx.execute(
        "UPDATE incident SET key=?, title=?, severity=?, opened_at=?, runbook=?, acked_at=?, acked_by=?, closed_at=?,"
        " reopened=?, members=? WHERE id=?",
        (*values, incident.id),
    )
    return incident.id


def _enter(tx: Any, number: int, moment: Moment) -> None:
    tx.execute(
        "INSERT OR IGNORE INTO incident_moment (incident, source, at, kind, zh, en, data) VALUES (?,?,?,?,?,?,?)",
        (number, moment.source, moment.at, moment.kind, moment.zh, moment.en, _json(moment.data)),
    )


def _incident(row: Any) -> Incident:
    return Incident(
        id=row["id"], key=orjson.loads(row["key"]), title=row["title"], severity=row["severity"],
        opened_at=row["opened_at"], runbook=row["runbook"], acked_at=row["acked_at"], acked_by=row["acked_by"],
        closed_at=row["closed_at"], reopened=row["reopened"],
        members=tuple(Member(**m) for m in orjson.loads(row["members"])),
    )  # fmt: skip


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
