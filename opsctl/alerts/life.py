"""The life of an alert: what was decided about it, when and why; written only when it changes."""

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
    """Gathers what has happened since it was last written. The same decision again is no event."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str, str], tuple[str, str]] = {}
        self._new: list[Event] = []

    def note(
        self, fingerprint: str, at: float, kind: str, reason: str, group_key: str = "", receiver: str = ""
    ) -> None:  # fmt: skip
        """Notes a decision, if it differs from the last one about this alert at this place."""
        place = (fingerprint, group_key, receiver)
        if self._last.get(place) == (kind, reason):
            return
        self._last[place] = (kind, reason)
        self._new.append(Event(fingerprint, at, kind, reason, group_key, receiver))

    def forget(self, fingerprints: Iterable[str]) -> None:
        """Lets go of alerts that are gone; what was written stays until it is pruned."""
        gone = set(fingerprints)
        self._last = {place: said for place, said in self._last.items() if place[0] not in gone}

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
