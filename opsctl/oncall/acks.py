"""Acknowledgements: who has taken on which alert, until it resolves or the time is up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opsctl.core.clock import iso
from opsctl.core.db import Database
from opsctl.core.errors import NotFound
from opsctl.model.alert import Alert

SCHEMA: Sequence[str] = (
    """CREATE TABLE ack (id INTEGER PRIMARY KEY AUTOINCREMENT, fingerprint TEXT NOT NULL, who TEXT NOT NULL,
        via TEXT NOT NULL, comment TEXT NOT NULL, at REAL NOT NULL, until REAL NOT NULL,
        ended_at REAL, ended_why TEXT NOT NULL DEFAULT '');
    CREATE INDEX ack_fingerprint ON ack (fingerprint, ended_at)""",
)


@dataclass(frozen=True, kw_only=True)
class Ack:
    """One acknowledgement. `via`: from where it was given, e.g. 钉钉群; `until`: when it lapses."""

    id: int
    fingerprint: str
    who: str
    via: str
    comment: str
    at: float
    until: float

    def json(self) -> dict[str, Any]:
        return {
            "fingerprint": self.fingerprint, "who": self.who, "via": self.via, "comment": self.comment,
            "at": iso(self.at), "until": iso(self.until),
        }  # fmt: skip


class Acks:
    """The acknowledgements in force, one a fingerprint, each written down before it counts. Safe among threads.

    `changed` is told of each that is given or ends: (fingerprint, when, its data or None).
    """

    def __init__(self, database: Database) -> None:
        self._db = database
        self._lock = threading.Lock()
        self.changed: Callable[[str, float, Any], None] = lambda *_: None
        rows = database.rows("SELECT * FROM ack WHERE ended_at IS NULL")
        self._standing = {r["fingerprint"]: _ack(r) for r in rows}

    def of(self, alert: Alert, now: float) -> Ack | None:
        """The acknowledgement of an alert, if it stands: the alert still fires, and the time is not up."""
        ack = self._standing.get(alert.fingerprint)
        return ack if ack is not None and now < ack.until and not alert.resolved(now) else None

    def give(
        self, fingerprints: Iterable[str], who: str, via: str, comment: str, now: float, timeout: float
    ) -> list[Ack]:
        """Acknowledges alerts; a later one replaces an earlier one of the same alert."""
        with self._lock:
            given = []
            with self._db.transaction() as tx:
                for fingerprint in fingerprints:
                    _end(tx, fingerprint, now, "replaced")
                    cursor = tx.execute(
                        "INSERT INTO ack (fingerprint, who, via, comment, at, until) VALUES (?,?,?,?,?,?)",
                        (fingerprint, who, via, comment, now, now + timeout),
                    )
                    given.append(
                        Ack(
                            id=cursor.lastrowid or 0, fingerprint=fingerprint, who=who, via=via, comment=comment, at=now,
                            until=now + timeout,
                        )
                    )  # fmt: skip
            self._standing.update({a.fingerprint: a for a in given})
        for ack in given:
            self.changed(ack.fingerprint, now, _data(ack))
        return given

    def merge(self, fingerprint: str, at: float, data: Mapping[str, Any] | None) -> None:
        """Takes what another member has decided at `at`."""
        with self._lock, self._db.transaction() as tx:
            _end(tx, fingerprint, at, "by another member" if data is None else "replaced")
            self._standing.pop(fingerprint, None)
            if data is None:
                return
            row = (fingerprint, *(data[k] for k in ("who", "via", "comment", "at", "until")))
            cursor = tx.execute("INSERT INTO ack (fingerprint, who, via, comment, at, until) VALUES (?,?,?,?,?,?)", row)
            self._standing[fingerprint] = Ack(id=cursor.lastrowid or 0, fingerprint=fingerprint, **data)

    def records(self) -> list[tuple[str, float, Any]]:
        """Those in force: (fingerprint, when, data)."""
        return [(a.fingerprint, a.at, _data(a)) for a in self.standing()]

    def take_back(self, fingerprint: str, now: float) -> None:
        """Ends an acknowledgement by hand. Raises NotFound."""
        if fingerprint not in self._standing:
            raise NotFound(f"alert {fingerprint} is not acknowledged", "opsctl alerts list")
        self.end([fingerprint], now, "taken back")

    def end(self, fingerprints: Iterable[str], now: float, why: str) -> None:
        """Ends acknowledgements, e.g. because their alerts have resolved; unknown ones are passed over."""
        with self._lock:
            ended = [f for f in fingerprints if f in self._standing]
            if not ended:
                return
            with self._db.transaction() as tx:
                for fingerprint in ended:
                    _end(tx, fingerprint, now, why)
            for fingerprint in ended:
                del self._standing[fingerprint]
        for fingerprint in ended:
            self.changed(fingerprint, now, None)

    def standing(self) -> tuple[Ack, ...]:
        return tuple(self._standing.values())

    def history(self, fingerprint: str) -> list[dict[str, Any]]:
        """All acknowledgements of an alert, oldest first: who, via, comment, at, until, ended_at, ended_why."""
        rows = self._db.rows("SELECT * FROM ack WHERE fingerprint=? ORDER BY id", fingerprint)
        return [dict(r) for r in rows]

    def given_since(self, since: float) -> dict[str, list[float]]:
        """Fingerprint → the times at which it was acknowledged since an instant."""
        found: dict[str, list[float]] = {}
        for row in self._db.rows("SELECT fingerprint, at FROM ack WHERE at >= ? ORDER BY at", since):
            found.setdefault(row["fingerprint"], []).append(row["at"])
        return found

    def known(self, fingerprint: str) -> bool:
        return fingerprint in self._standing

    def lapsed(self, now: float) -> list[str]:
        """Fingerprints whose time is up."""
        return [a.fingerprint for a in self.standing() if a.until <= now]


def _data(ack: Ack) -> dict[str, Any]:
    return {k: getattr(ack, k) for k in ("who", "via", "comment", "at", "until")}


def _end(tx: Any, fingerprint: str, now: float, why: str) -> None:
    tx.execute(
        "UPDATE ack SET ended_at=?, ended_why=? WHERE fingerprint=? AND ended_at IS NULL", (now, why, fingerprint)
    )


def _ack(row: Any) -> Ack:
    return Ack(**{k: row[k] for k in ("id", "fingerprint", "who", "via", "comment", "at", "until")})
