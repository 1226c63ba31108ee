"""A journalled run: the intent of a step is on disk before it is done, its outcome after.

After kill -9 every step is one of three: done (with its outcome, never done again), unknown
(begun, no outcome: only a check or a person may settle it), or not begun.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from opsctl.core.db import Database
from opsctl.core.errors import Conflict

SCHEMA: Sequence[str] = (
    """CREATE TABLE journal_step (
        run TEXT NOT NULL, key TEXT NOT NULL, number INTEGER NOT NULL, intent TEXT NOT NULL, begun_at REAL NOT NULL,
        outcome TEXT, ended_at REAL, PRIMARY KEY (run, key)) WITHOUT ROWID""",
)

State = Literal["done", "unknown", "in_flight"]
Outcome = dict[str, Any]


class UnknownStep(Conflict):
    """The step was begun and its outcome is not known; it is never silently done again."""


@dataclass(frozen=True)
class Entry:
    """One step that was begun. `outcome` is None until it is known. Times are epoch seconds."""

    key: str
    state: State
    intent: dict[str, Any]
    begun_at: float
    outcome: Outcome | None = None
    ended_at: float | None = None


class Journal:
    """All runs of one database. One process writes it; `_flying` is what this process is doing now."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._flying: set[tuple[str, str]] = set()

    def run(self, name: str) -> Run:
        """The run of this name, whether or not it has steps yet."""
        return Run(self.database, name, self._flying)


class Run:
    """The steps of one run, each known by a key that is used once."""

    def __init__(self, database: Database, name: str, flying: set[tuple[str, str]]) -> None:
        self.name = name
        self._db = database
        self._flying = flying

    def entries(self) -> list[Entry]:
        """What was begun, in the order of beginning."""
        rows = self._db.rows("SELECT * FROM journal_step WHERE run=? ORDER BY number", self.name)
        return [self._entry(row) for row in rows]

    def entry(self, key: str) -> Entry | None:
        """The step's entry, or None when it is not begun."""
        row = self._db.row("SELECT * FROM journal_step WHERE run=? AND key=?", self.name, key)
        return None if row is None else self._entry(row)

    def perform(
        self, key: str, intent: dict[str, Any], act: Callable[[], Outcome], now: Callable[[], float]
    ) -> Outcome:
        """Does the step once: a done one answers with its recorded outcome, `act` is not called again.

        Raises UnknownStep when it was begun and its outcome is not known. What `act` raises leaves it unknown.
        """
        found = self.entry(key)
        if found is not None:
            return self._recorded(found)
        self._begin(key, intent, now())
        try:
            outcome = act()
            self._finish(key, outcome, now())
        finally:
            self._flying.discard((self.name, key))
        return outcome

    def settle(self, key: str, outcome: Outcome, now: float) -> None:
        """Writes the outcome of an unknown step, as a check or a person found it. Raises Conflict on any other."""
        found = self.entry(key)
        if found is None or found.state != "unknown":
            state = "not begun" if found is None else found.state
            raise Conflict(f"step {key} of {self.name} is {state}, not unknown")
        self._finish(key, outcome, now)

    def _recorded(self, entry: Entry) -> Outcome:
        if entry.outcome is not None:
            return entry.outcome
        if entry.state == "in_flight":
            raise Conflict(f"step {entry.key} of {self.name} is being done now")
        raise UnknownStep(f"step {entry.key} of {self.name} was interrupted; its outcome is not known")

    def _begin(self, key: str, intent: dict[str, Any], now: float) -> None:
        self._flying.add((self.name, key))
        with self._db.transaction() as tx:
            number = tx.execute("SELECT count(*) FROM journal_step WHERE run=?", (self.name,)).fetchone()[0]
            tx.execute(
                "INSERT INTO journal_step VALUES (?,?,?,?,?,NULL,NULL)", (self.name, key, number, _json(intent), now)
            )

    def _finish(self, key: str, outcome: Outcome, now: float) -> None:
        with self._db.transaction() as tx:
            tx.execute(
                "UPDATE journal_step SET outcome=?, ended_at=? WHERE run=? AND key=? AND outcome IS NULL",
                (_json(outcome), now, self.name, key),
            )

    def _entry(self, row: Any) -> Entry:
        outcome = None if row["outcome"] is None else orjson.loads(row["outcome"])
        state: State = "done" if outcome is not None else "unknown"
        if state == "unknown" and (self.name, row["key"]) in self._flying:
            state = "in_flight"
        return Entry(row["key"], state, orjson.loads(row["intent"]), row["begun_at"], outcome, row["ended_at"])


def _json(value: dict[str, Any]) -> str:
    return orjson.dumps(value, default=str).decode()
