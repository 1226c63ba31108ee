"""Runs on disk: what was asked, the approvals, the events. What was done is in the journal."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from opsctl.core.db import Database
from opsctl.core.errors import NotFound
from opsctl.journal import SCHEMA as JOURNAL_SCHEMA
from opsctl.journal import Entry, Journal, Run
from opsctl.runbook.library import load_text
from opsctl.runbook.state import ENDED, Approval, RunState, RunStatus, StepRun

SCHEMA: Sequence[str] = (
    *JOURNAL_SCHEMA,
    """CREATE TABLE runbook_run (
        id TEXT PRIMARY KEY, runbook TEXT NOT NULL, document TEXT NOT NULL, params TEXT NOT NULL,
        fingerprint TEXT NOT NULL, labels TEXT NOT NULL, annotations TEXT NOT NULL, requester TEXT NOT NULL,
        dry_run INTEGER NOT NULL, undo_of TEXT NOT NULL, request TEXT UNIQUE, status TEXT NOT NULL, reason TEXT NOT NULL,
        note TEXT NOT NULL, stopped_by TEXT NOT NULL, started_at REAL NOT NULL, ended_at REAL);
    CREATE INDEX runbook_run_started ON runbook_run (started_at);
    CREATE TABLE runbook_approval (
        id INTEGER PRIMARY KEY, run TEXT NOT NULL REFERENCES runbook_run, step TEXT NOT NULL, hash TEXT NOT NULL,
        plan TEXT NOT NULL, asked_at REAL NOT NULL, expires_at REAL NOT NULL, approved_by TEXT NOT NULL, approved_at REAL);
    CREATE TABLE runbook_event (
        id INTEGER PRIMARY KEY, run TEXT NOT NULL REFERENCES runbook_run, key TEXT NOT NULL, at REAL NOT NULL,
        kind TEXT NOT NULL, step TEXT NOT NULL, zh TEXT NOT NULL, en TEXT NOT NULL, UNIQUE (run, key))""",
)


@dataclass(frozen=True, kw_only=True)
class RunEvent:
    """Something that happened in a run, in the order of `id`; for timelines and live progress."""

    id: int
    run: str
    runbook: str
    fingerprint: str
    dry_run: bool
    at: float
    kind: str
    step: str
    zh: str
    en: str


class Runs:
    """All runs of runbooks, in one database with their journal."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._journal = Journal(database)

    def add(
        self, run: str, runbook: str, document: str, params: Mapping[str, Any], alert: Mapping[str, Any],
        requester: str, dry_run: bool, now: float, request: str | None = None, undo_of: str = "",
    ) -> None:  # fmt: skip
        """`alert`: fingerprint, labels, annotations, or empty. `request`: the caller's idempotency key."""
        with self._db.transaction() as tx:
            tx.execute(
                "INSERT INTO runbook_run VALUES (?,?,?,?,?,?,?,?,?,?,?,'running','','','',?,NULL)",
                (
                    run, runbook, document, _json(params), alert.get("fingerprint", ""), _json(alert.get("labels", {})),
                    _json(alert.get("annotations", {})), requester, dry_run, undo_of, request, now,
                ),
            )  # fmt: skip

    def by_request(self, request: str) -> str | None:
        row = self._db.row("SELECT id FROM runbook_run WHERE request=?", request)
        return None if row is None else row["id"]

    def state(self, run: str) -> RunState:
        """Raises NotFound."""
        row = self._db.row("SELECT * FROM runbook_run WHERE id=?", run)
        if row is None:
            raise NotFound(f"no run {run!r}", "opsctl runbook status")
        return RunState(
            id=run, book=load_text(row["document"], row["runbook"]), digest=_digest(row["document"]),
            requester=row["requester"], status=row["status"], started_at=row["started_at"],
            params=orjson.loads(row["params"]), fingerprint=row["fingerprint"], labels=orjson.loads(row["labels"]),
            annotations=orjson.loads(row["annotations"]), dry_run=bool(row["dry_run"]), reason=row["reason"],
            note=row["note"], stopped_by=row["stopped_by"], undo_of=row["undo_of"], ended_at=row["ended_at"],
            steps=_latest(self.journal(run).entries()), approvals=self._approvals(run),
        )  # fmt: skip

    def recent(self, limit: int = 50, fingerprint: str = "", status: str = "") -> list[dict[str, Any]]:
        """Newest first, in short."""
        rows = self._db.rows(
            "SELECT id, runbook, fingerprint, requester, dry_run, undo_of, status, reason, note, started_at, ended_at"
            " FROM runbook_run WHERE (?='' OR fingerprint=?) AND (?='' OR status=?)"
            " ORDER BY started_at DESC, id DESC LIMIT ?",
            fingerprint, fingerprint, status, status, limit,
        )  # fmt: skip
        return [{**dict(r), "dry_run": bool(r["dry_run"])} for r in rows]

    def unended(self) -> list[str]:
        marks = ",".join("?" * len(ENDED))
        return [r["id"] for r in self._db.rows(f"SELECT id FROM runbook_run WHERE status NOT IN ({marks})", *ENDED)]

    def set_status(self, run: str, status: RunStatus, reason: str, now: float) -> None:
        ended = now if status in ENDED else None
        with self._db.transaction() as tx:
            tx.execute(
                "UPDATE runbook_run SET status=?, reason=?, note='', ended_at=? WHERE id=?",
                (status, reason, ended, run),
            )

    def set_note(self, run: str, note: str) -> None:
        with self._db.transaction() as tx:
            tx.execute("UPDATE runbook_run SET note=? WHERE id=?", (note, run))

    def set_stopped(self, run: str, who: str) -> None:
        with self._db.transaction() as tx:
            tx.execute("UPDATE runbook_run SET stopped_by=? WHERE id=?", (who, run))

    def ask(self, run: str, step: str, digest: str, plan: Mapping[str, Any], now: float, expires_at: float) -> None:
        with self._db.transaction() as tx:
            tx.execute(
                "INSERT INTO runbook_approval (run, step, hash, plan, asked_at, expires_at, approved_by)"
                " VALUES (?,?,?,?,?,?,'')",
                (run, step, digest, _json(plan), now, expires_at),
            )

    def approve(self, approval: int, who: str, now: float) -> None:
        with self._db.transaction() as tx:
            tx.execute(
                "UPDATE runbook_approval SET approved_by=?, approved_at=? WHERE id=? AND approved_by=''",
                (who, now, approval),
            )

    def event(self, run: str, key: str, at: float, kind: str, step: str, zh: str, en: str) -> None:
        """Once for each key, whatever is repeated after a crash."""
        with self._db.transaction() as tx:
            tx.execute(
                "INSERT OR IGNORE INTO runbook_event (run, key, at, kind, step, zh, en) VALUES (?,?,?,?,?,?,?)",
                (run, key, at, kind, step, zh, en),
            )

    def events(self, after: int = 0, run: str = "", limit: int = 1000) -> list[RunEvent]:
        """Events with a greater id, in order."""
        rows = self._db.rows(
            "SELECT e.*, r.runbook, r.fingerprint, r.dry_run FROM runbook_event e JOIN runbook_run r ON r.id = e.run"
            " WHERE e.id > ? AND (?='' OR e.run=?) ORDER BY e.id LIMIT ?",
            after, run, run, limit,
        )  # fmt: skip
        return [
            RunEvent(
                id=r["id"], run=r["run"], runbook=r["runbook"], fingerprint=r["fingerprint"], dry_run=bool(r["dry_run"]),
                at=r["at"], kind=r["kind"], step=r["step"], zh=r["zh"], en=r["en"],
            )
            for r in rows
        ]  # fmt: skip

    def journal(self, run: str) -> Run:
        return self._journal.run(run)

    def _approvals(self, run: str) -> tuple[Approval, ...]:
        rows = self._db.rows("SELECT * FROM runbook_approval WHERE run=? ORDER BY id", run)
        return tuple(
            Approval(
                id=r["id"], step=r["step"], hash=r["hash"], plan=orjson.loads(r["plan"]), asked_at=r["asked_at"],
                expires_at=r["expires_at"], approved_by=r["approved_by"], approved_at=r["approved_at"],
            )
            for r in rows
        )  # fmt: skip


def _latest(entries: Sequence[Entry]) -> dict[str, StepRun]:
    return {found.step: found for found in map(_step_run, entries)}


def _step_run(entry: Entry) -> StepRun:
    step, _, attempt = entry.key.partition("#")
    outcome: Mapping[str, Any] = entry.outcome or {}
    return StepRun(
        step=step, attempt=int(attempt), status=outcome.get("status", entry.state), inputs=entry.intent,
        output=outcome.get("output"), zh=outcome.get("zh", ""), en=outcome.get("en", ""), by=outcome.get("by", ""),
        begun_at=entry.begun_at, ended_at=entry.ended_at,
    )  # fmt: skip


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _json(value: Mapping[str, Any]) -> str:
    return orjson.dumps(value, default=str).decode()
