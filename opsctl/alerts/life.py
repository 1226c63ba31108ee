"""The life of an alert: what happened to it and what kept it back, written when it changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from opsctl.core.clock import iso
from opsctl.core.db import Database

SCHEMA = """CREATE TABLE life (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL, at REAL NOT NULL,
        group_key TEXT NOT NULL, receiver TEXT NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL);
    CREATE INDEX life_fingerprint ON life (fingerprint, id);
    CREATE INDEX life_at ON life (at)"""
Statement = tuple[str, Sequence[Sequence[object]]]


@dataclass(frozen=True)
class Event:
    """One turn in the life of an alert. `group_key` and `receiver` are '' for what concerns the alert itself."""

    fingerprint: str
    at: float
    kind: str
    reason: str
    group_key: str = ""
    receiver: str = ""

    def json(self) -> dict[str, Any]:
        return {
            "at": iso(self.at), "kind": self.kind, "reason": self.reason, "groupKey": self.group_key,
            "receiver": self.receiver,
        }  # fmt: skip


class Life:
    """Gathers what has happened since it was last written. A decision that stands is no event."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], tuple[str, str]] = {}
        self._new: list[Event] = []

    def turn(self, fingerprint: str, at: float, kind: str, reason: str) -> None:
        """Something has happened to the alert itself."""
        self._new.append(Event(fingerprint, at, kind, reason))

    def held(self, fingerprint: str, at: float, kind: str, reason: str, group_key: str) -> None:
        """A flush of a group kept the alert back: inhibited, muted, silenced."""
        if self._held.get((fingerprint, group_key)) != (kind, reason):
            self._held[fingerprint, group_key] = (kind, reason)
            self._new.append(Event(fingerprint, at, kind, reason, group_key))

    def heard(self, fingerprint: str, at: float, group_key: str) -> None:
        """A flush let the alert through."""
        before = self._held.pop((fingerprint, group_key), None)
        if before is not None:
            self._new.append(Event(fingerprint, at, "heard again", f"no longer {before[0]}", group_key))

    def forget(self, fingerprints: Iterable[str]) -> None:
        """Lets go of alerts that are gone; what was written stays until it is pruned."""
        gone = set(fingerprints)
        self._held = {place: said for place, said in self._held.items() if place[0] not in gone}

    def taken(self) -> list[Statement]:
        """What to write; afterwards nothing is new."""
        if not self._new:
            return []
        rows = [(e.fingerprint, e.at, e.group_key, e.receiver, e.kind, e.reason) for e in self._new]
        self._new = []
        sql = "INSERT INTO life (fingerprint, at, group_key, receiver, kind, reason) VALUES (?,?,?,?,?,?)"
        return [(sql, rows)]


def prune(before: float) -> Statement:
    return "DELETE FROM life WHERE at < ?", [(before,)]


def events_of(database: Database, fingerprint: str, limit: int = 1000) -> list[Event]:
    """The last events of an alert, oldest first."""
    rows = database.rows("SELECT * FROM life WHERE fingerprint=? ORDER BY id DESC LIMIT ?", fingerprint, limit)
    return [
        Event(r["fingerprint"], r["at"], r["kind"], r["reason"], r["group_key"], r["receiver"]) for r in reversed(rows)
    ]
