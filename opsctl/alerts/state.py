"""What survives: alerts, silences, the notification log, deliveries and each robot's send times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from opsctl.alerts.batch import alert_json, alert_of, batch_json, batch_of
from opsctl.alerts.dedup import Entry
from opsctl.alerts.delivery import OPEN, PENDING, SENDING, Delivery, Place
from opsctl.alerts.silence import Silence, matcher_json, matcher_of
from opsctl.alerts.store import Held
from opsctl.alerts.writer import Statement
from opsctl.core.db import Database
from opsctl.model.alert import Alert

SCHEMA: Sequence[str] = (
    """CREATE TABLE alert (fingerprint TEXT PRIMARY KEY, data BLOB NOT NULL, timeout INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE settled (group_key TEXT, receiver TEXT, fingerprint TEXT, ends_at REAL NOT NULL,
        PRIMARY KEY (fingerprint, group_key, receiver)) WITHOUT ROWID;
    CREATE TABLE silence (id TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE told (group_key TEXT, integration TEXT, at REAL NOT NULL, expires_at REAL NOT NULL,
        data BLOB NOT NULL, PRIMARY KEY (group_key, integration)) WITHOUT ROWID;
    CREATE TABLE delivery (id INTEGER PRIMARY KEY, created_at REAL NOT NULL, channel TEXT NOT NULL,
        integration TEXT NOT NULL, receiver TEXT NOT NULL, status TEXT NOT NULL, attempts INTEGER NOT NULL,
        part INTEGER NOT NULL, next_at REAL NOT NULL, reason TEXT NOT NULL, possibly_repeated INTEGER NOT NULL,
        sent_at REAL, superseded_by INTEGER, cause TEXT NOT NULL, batch BLOB NOT NULL);
    CREATE INDEX delivery_open ON delivery (status) WHERE status IN ('pending', 'sending');
    CREATE INDEX delivery_created ON delivery (created_at);
    CREATE TABLE delivery_alert (fingerprint TEXT, delivery INTEGER, PRIMARY KEY (fingerprint, delivery)) WITHOUT ROWID;
    CREATE INDEX delivery_alert_delivery ON delivery_alert (delivery);
    CREATE TABLE sent (channel TEXT NOT NULL, at REAL NOT NULL);
    CREATE INDEX sent_at ON sent (at);
    CREATE TABLE rest (channel TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID""",
)
SENT_SECONDS = 90_000.0
"""How long send times are kept: the longest limit of a channel is a day."""


@dataclass(frozen=True)
class Remembered:
    """All of the last life, as read at start."""

    alerts: tuple[Held, ...]
    silences: tuple[Silence, ...]
    told: dict[Place, Entry]
    deliveries: tuple[Delivery, ...]
    carried: dict[int, list[Delivery]]
    settled: dict[tuple[str, str, str], float]
    sent: dict[str, list[float]]
    rests: dict[str, float]
    last_id: int


def remember(database: Database, now: float) -> Remembered:
    """Reads everything. A delivery that was in flight becomes pending and *possibly repeated*."""
    deliveries = [
        delivery_of(r)
        for r in database.rows("SELECT * FROM delivery WHERE status IN ('pending','sending') ORDER BY id")
    ]
    sent: dict[str, list[float]] = {}
    for row in database.rows("SELECT channel, at FROM sent WHERE at > ?", now - SENT_SECONDS):
        sent.setdefault(row["channel"], []).append(row["at"])
    for each in deliveries:
        if each.status == SENDING:  # the robot may have counted it as late as now
            sent.setdefault(each.channel, []).append(now)
    last = database.row("SELECT max(id) AS id FROM delivery")
    return Remembered(
        alerts=tuple(
            Held(alert_of(orjson.loads(r["data"])), bool(r["timeout"])) for r in database.rows("SELECT * FROM alert")
        ),
        silences=tuple(silence_of(orjson.loads(r["data"])) for r in database.rows("SELECT data FROM silence")),
        told={(r["group_key"], r["integration"]): entry_from(r) for r in database.rows("SELECT * FROM told")},
        deliveries=tuple(_woken(d) for d in deliveries),
        carried=_carried(database),
        settled={
            (r["group_key"], r["receiver"], r["fingerprint"]): r["ends_at"]
            for r in database.rows("SELECT * FROM settled")
        },
        sent=sent,
        rests={r["channel"]: r["until"] for r in database.rows("SELECT * FROM rest WHERE until > ?", now)},
        last_id=(last["id"] if last else None) or 0,
    )


def _carried(database: Database) -> dict[int, list[Delivery]]:
    """The members of the digests and take-overs that are still on their way, oldest first."""
    rows = database.rows(
        """SELECT m.* FROM delivery m JOIN delivery c ON c.id = m.superseded_by
        WHERE c.status IN ('pending','sending') ORDER BY m.id"""
    )
    found: dict[int, list[Delivery]] = {}
    for member in map(delivery_of, rows):
        if member.superseded_by is not None and (member.superseded_by > member.id):  # not one that joined an older
            found.setdefault(member.superseded_by, []).append(member)
    return found


def _woken(delivery: Delivery) -> Delivery:
    if delivery.status != SENDING:
        return delivery
    return replace(delivery, status=PENDING, possibly_repeated=True, reason="was in flight when the process ended")


def put_alerts(held: Iterable[Held]) -> Statement:
    rows = [(h.alert.fingerprint, orjson.dumps(alert_json(h.alert)), h.timeout) for h in held]
    return "INSERT OR REPLACE INTO alert VALUES (?,?,?)", rows


def drop_alerts(alerts: Iterable[Alert]) -> list[Statement]:
    rows = [(a.fingerprint,) for a in alerts]
    return [("DELETE FROM alert WHERE fingerprint=?", rows), ("DELETE FROM settled WHERE fingerprint=?", rows)]


def settle(group_key: str, receiver: str, alerts: Iterable[Alert]) -> Statement:
    """The resolved alerts that have left a group: a restart must not tell them again."""
    return "INSERT OR REPLACE INTO settled VALUES (?,?,?,?)", [
        (group_key, receiver, a.fingerprint, a.ends_at) for a in alerts
    ]


def put_silences(silences: Iterable[Silence]) -> Statement:
    return "INSERT OR REPLACE INTO silence VALUES (?,?)", [(s.id, orjson.dumps(silence_json(s))) for s in silences]


def drop_silences(ids: Iterable[str]) -> Statement:
    return "DELETE FROM silence WHERE id=?", [(i,) for i in ids]


def put_told(place: Place, entry: Entry, expires_at: float) -> Statement:
    data = orjson.dumps({"firing": sorted(entry.firing), "resolved": sorted(entry.resolved)})
    return "INSERT OR REPLACE INTO told VALUES (?,?,?,?,?)", [(*place, entry.at, expires_at, data)]


def entry_from(row: Any) -> Entry:
    data = orjson.loads(row["data"])
    return Entry(frozenset(data["firing"]), frozenset(data["resolved"]), row["at"])


def put_delivery(d: Delivery) -> list[Statement]:
    """The whole row, and which alerts it tells of."""
    row = (
        d.id, d.created_at, d.channel, d.integration, d.batch.receiver, d.status, d.attempts, d.part, d.next_at,
        d.reason, d.possibly_repeated, d.sent_at, d.superseded_by, d.cause, orjson.dumps(batch_json(d.batch)),
    )  # fmt: skip
    alerts = [(a.fingerprint, d.id) for a in d.batch.alerts]
    return [
        ("INSERT OR REPLACE INTO delivery VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", [row]),
        ("INSERT OR IGNORE INTO delivery_alert VALUES (?,?)", alerts),
    ]


def move_delivery(d: Delivery) -> Statement:
    """The row's course, without its batch."""
    sql = """UPDATE delivery SET status=?, attempts=?, part=?, next_at=?, reason=?, possibly_repeated=?, sent_at=?,
        superseded_by=? WHERE id=?"""
    return sql, [
        (d.status, d.attempts, d.part, d.next_at, d.reason, d.possibly_repeated, d.sent_at, d.superseded_by, d.id)
    ]


def delivery_of(row: Any) -> Delivery:
    return Delivery(
        id=row["id"], created_at=row["created_at"], channel=row["channel"], integration=row["integration"],
        batch=batch_of(orjson.loads(row["batch"])), cause=row["cause"], status=row["status"],
        attempts=row["attempts"], part=row["part"], next_at=row["next_at"], reason=row["reason"],
        possibly_repeated=bool(row["possibly_repeated"]), sent_at=row["sent_at"],
        superseded_by=row["superseded_by"],
    )  # fmt: skip


def put_sent(channel: str, at: float) -> Statement:
    return "INSERT INTO sent VALUES (?,?)", [(channel, at)]


def move_sent(channel: str, began: float, ended: float) -> Statement:
    return "UPDATE sent SET at=? WHERE channel=? AND at=?", [(ended, channel, began)]


def put_rest(channel: str, until: float) -> Statement:
    return "INSERT OR REPLACE INTO rest VALUES (?,?)", [(channel, until)]


def prune(now: float, retention: float) -> list[Statement]:
    """Forgets what nobody asks for any more; deliveries on their way stay whatever their age."""
    marks = ",".join(f"'{s}'" for s in OPEN)
    old = f"SELECT id FROM delivery WHERE created_at < ? AND status NOT IN ({marks})"
    return [
        (f"DELETE FROM delivery_alert WHERE delivery IN ({old})", [(now - retention,)]),
        (f"DELETE FROM delivery WHERE id IN ({old})", [(now - retention,)]),
        ("DELETE FROM sent WHERE at < ?", [(now - SENT_SECONDS,)]),
        ("DELETE FROM told WHERE expires_at < ?", [(now,)]),
    ]


def silence_json(s: Silence) -> dict[str, Any]:
    return {
        "id": s.id, "matchers": [matcher_json(m) for m in s.matchers], "starts_at": s.starts_at, "ends_at": s.ends_at,
        "updated_at": s.updated_at, "created_by": s.created_by, "comment": s.comment, "annotations": dict(s.annotations),
    }  # fmt: skip


def silence_of(data: dict[str, Any]) -> Silence:
    return Silence(**{**data, "matchers": tuple(matcher_of(m) for m in data["matchers"])})
