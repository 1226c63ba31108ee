"""The delivery log, read from disk: what was sent, refused, retried. Safe among threads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from opsctl.alerts.delivery import Delivery
from opsctl.alerts.state import delivery_of
from opsctl.core.clock import iso
from opsctl.core.db import Database
from opsctl.core.errors import NotFound


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question to the log. `since`: epoch seconds; `before`: only older numbers, for the next page; `kind`: of channel;
    `alert`: a fingerprint or an alert's name.
    """

    since: float = 0.0
    limit: int = 100
    status: str = ""
    before: int = 0
    receiver: str = ""
    kind: str = ""
    alert: str = ""


class History:
    """Newest first. What is still being written down is not seen."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def page(self, asked: Asked) -> Sequence[Delivery]:
        """Deliveries that all that is asked for holds of."""
        rows = self._db.rows(
            """SELECT * FROM delivery WHERE created_at >= ? AND (? = '' OR status = ?) AND (? = 0 OR id < ?)
            AND (? = '' OR receiver = ?) AND (? = '' OR integration LIKE ? ESCAPE '!')
            AND (? = '' OR id IN (SELECT delivery FROM delivery_alert WHERE fingerprint = ?)
                OR instr(CAST(batch AS TEXT), ?))
            ORDER BY id DESC LIMIT ?""",
            asked.since, asked.status, asked.status, asked.before, asked.before, asked.receiver, asked.receiver,
            asked.kind, f"%/{_escaped(asked.kind)}/%", asked.alert, asked.alert,
            f'"alertname":{orjson.dumps(asked.alert).decode()}', asked.limit,
        )  # fmt: skip
        return [delivery_of(r) for r in rows]

    def carried_by(self, number: int) -> list[int]:
        """The deliveries that one told besides its own: the members of a digest, what a standby took over."""
        return [r["id"] for r in self._db.rows("SELECT id FROM delivery WHERE superseded_by=? ORDER BY id", number)]

    def get(self, number: int) -> Delivery:
        """Raises NotFound."""
        row = self._db.row("SELECT * FROM delivery WHERE id=?", number)
        if row is None:
            raise NotFound(f"no delivery {number}", "opsctl deliveries list")
        return delivery_of(row)

    def told(self, number: int) -> Delivery:
        """A delivery, or the one that took over from it. Raises NotFound."""
        found = self.get(number)
        while found.superseded_by is not None:
            found = self.get(found.superseded_by)
        return found

    def of_alert(self, fingerprint: str, limit: int = 20) -> Sequence[Delivery]:
        rows = self._db.rows(
            """SELECT d.* FROM delivery_alert a JOIN delivery d ON d.id = a.delivery WHERE a.fingerprint=?
            ORDER BY d.id DESC LIMIT ?""",
            fingerprint, limit,
        )  # fmt: skip
        return [delivery_of(r) for r in rows]

    def brief(self, fingerprints: Sequence[str], each: int = 5) -> dict[str, list[dict[str, Any]]]:
        """The last deliveries of many alerts, without their batches, newest first."""
        rows = self._db.rows(
            """SELECT * FROM (SELECT a.fingerprint, d.id, d.integration, d.status, d.cause, d.created_at, d.sent_at,
                d.reason, d.possibly_repeated, ROW_NUMBER() OVER (PARTITION BY a.fingerprint ORDER BY d.id DESC) AS n
                FROM json_each(?) w JOIN delivery_alert a ON a.fingerprint = w.value
                JOIN delivery d ON d.id = a.delivery) WHERE n <= ?""",
            orjson.dumps(list(fingerprints)).decode(), each,
        )  # fmt: skip
        found: dict[str, list[dict[str, Any]]] = {}
        for r in rows:
            found.setdefault(r["fingerprint"], []).append({
                "id": r["id"], "integration": r["integration"], "status": r["status"], "cause": r["cause"],
                "createdAt": iso(r["created_at"]), "sentAt": iso(r["sent_at"]) if r["sent_at"] else None,
                "reason": r["reason"], "possiblyRepeated": bool(r["possibly_repeated"]),
            })  # fmt: skip
        return found

    def told_since(self, since: float) -> Iterator[Delivery]:
        """Every delivery created since an instant, oldest first, a page at a time."""
        last = 0
        while True:
            rows = self._db.rows(
                "SELECT * FROM delivery WHERE created_at >= ? AND id > ? ORDER BY id LIMIT 500", since, last
            )
            if not rows:
                return
            last = rows[-1]["id"]
            yield from (delivery_of(r) for r in rows)

    def oldest(self) -> float | None:
        """When the first delivery that is still known was created."""
        row = self._db.row("SELECT min(created_at) AS at FROM delivery")
        return row["at"] if row else None


def _escaped(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
