"""Overrides given by hand: who takes over whose duty, each written down before it counts."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from opsctl.core.db import Database
from opsctl.core.errors import NotFound
from opsctl.oncall.schedule import Override

SCHEMA: Sequence[str] = (
    """CREATE TABLE override (id TEXT PRIMARY KEY, schedule TEXT NOT NULL, person TEXT NOT NULL, begins REAL NOT NULL,
        ends REAL NOT NULL, reason TEXT NOT NULL, given_by TEXT NOT NULL, updated_at REAL NOT NULL) WITHOUT ROWID""",
)


class Overrides:
    """All that have not ended long ago. Safe among threads. `changed` is told of each: (id, when, its data)."""

    def __init__(self, database: Database) -> None:
        self._db, self._lock = database, threading.Lock()
        self.changed: Callable[[str, float, Any], None] = lambda *_: None
        rows = database.rows("SELECT * FROM override ORDER BY updated_at")
        self._known = {r["id"]: _override(r) for r in rows}
        self._at = {r["id"]: float(r["updated_at"]) for r in rows}

    def all(self) -> tuple[Override, ...]:
        """In the order in which they were given: the last goes before the others."""
        return tuple(self._known.values())

    def give(self, override: Override, now: float) -> Override:
        """Keeps a new one; returns it with its id."""
        made = replace(override, id=str(uuid.uuid4()))
        self._put(made, now)
        return made

    def end(self, wanted: str, now: float) -> Override:
        """Ends one now; one that has not begun never does. Raises NotFound."""
        known = self._known.get(wanted)
        if known is None or known.end <= max(now, known.begin):
            raise NotFound(f"no override {wanted!r} that could be ended", "opsctl oncall preview")
        ended = replace(known, end=now if known.begin < now else known.begin)
        self._put(ended, now)
        return ended

    def merge(self, number: str, at: float, data: Mapping[str, Any]) -> None:
        """Takes one as another member has left it."""
        self._keep(Override(**data, id=number), at)

    def records(self) -> list[tuple[str, float, Any]]:
        """(id, when it changed, its data)."""
        return [(o.id, self._at[o.id], _data(o)) for o in self.all()]

    def _put(self, made: Override, now: float) -> None:
        self._keep(made, now)
        self.changed(made.id, now, _data(made))

    def _keep(self, made: Override, now: float) -> None:
        row = (made.id, made.schedule, made.person, made.begin, made.end, made.reason, made.by, now)
        with self._lock, self._db.transaction() as tx:
            tx.execute("INSERT OR REPLACE INTO override VALUES (?,?,?,?,?,?,?,?)", row)
            self._known.pop(made.id, None)
            self._known[made.id] = made
            self._at[made.id] = now


def _data(o: Override) -> dict[str, Any]:
    return {k: getattr(o, k) for k in ("schedule", "person", "begin", "end", "reason", "by")}


def _override(row: Any) -> Override:
    return Override(
        schedule=row["schedule"], person=row["person"], begin=row["begins"], end=row["ends"], reason=row["reason"],
        by=row["given_by"], id=row["id"],
    )  # fmt: skip
