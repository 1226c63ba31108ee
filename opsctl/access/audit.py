"""The audit log: every unsafe call, append-only, each row chained to the one before by a hash."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import orjson

from opsctl.core.db import Database

SCHEMA: Sequence[str] = (
    """CREATE TABLE audit (
        id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, who TEXT NOT NULL, role TEXT NOT NULL,
        action TEXT NOT NULL, target TEXT NOT NULL, status INTEGER NOT NULL, detail TEXT NOT NULL,
        chain TEXT NOT NULL);
    CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
    CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END""",
)


class Audit:
    """Writes and reads the audit log; `verify` finds the first row that was tampered with."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def write(
        self, now: float, who: str, role: str, action: str, target: str, status: int, detail: dict[str, Any]
    ) -> None:
        with self._db.transaction() as tx:
            last = tx.execute("SELECT chain FROM audit ORDER BY id DESC LIMIT 1").fetchone()
            text = orjson.dumps(detail, default=str).decode()
            row = (now, who, role, action, target, status, text)
            chain = _chain(last["chain"] if last else "", row)
            tx.execute(
                "INSERT INTO audit (at, who, role, action, target, status, detail, chain) VALUES (?,?,?,?,?,?,?,?)",
                (*row, chain),
            )

    def list(self, limit: int = 100, who: str = "", since: float = 0.0) -> list[dict[str, Any]]:
        """Newest first."""
        rows = self._db.rows(
            "SELECT * FROM audit WHERE at >= ? AND (? = '' OR who = ?) ORDER BY id DESC LIMIT ?", since, who, who, limit
        )
        return [{**dict(r), "detail": orjson.loads(r["detail"])} for r in rows]

    def verify(self) -> int | None:
        """The id of the first row whose chain is broken, or None when all is whole."""
        before = ""
        for r in self._db.rows("SELECT * FROM audit ORDER BY id"):
            row = (r["at"], r["who"], r["role"], r["action"], r["target"], r["status"], r["detail"])
            if _chain(before, row) != r["chain"]:
                return int(r["id"])
            before = r["chain"]
        return None


def _chain(before: str, row: tuple[object, ...]) -> str:
    return hashlib.sha256(before.encode() + orjson.dumps(row)).hexdigest()
