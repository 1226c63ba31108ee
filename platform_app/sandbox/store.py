"""The sandbox's memory: one SQLite file, so that a restart loses nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FORMAT = 2

SCHEMA = """
CREATE TABLE trade(
    out_trade_no TEXT PRIMARY KEY, appid TEXT NOT NULL, mchid TEXT NOT NULL, description TEXT NOT NULL,
    attach TEXT, total INTEGER NOT NULL, notify_url TEXT NOT NULL, code_url TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL NOT NULL,
    transaction_id TEXT UNIQUE, openid TEXT, paid_at REAL);
CREATE TABLE refund(
    out_refund_no TEXT PRIMARY KEY, refund_id TEXT NOT NULL UNIQUE, out_trade_no TEXT NOT NULL, amount INTEGER NOT NULL,
    reason TEXT, notify_url TEXT, status TEXT NOT NULL, created_at REAL NOT NULL, done_at REAL);
CREATE INDEX refund_trade ON refund(out_trade_no);
CREATE TABLE notice(
    id TEXT PRIMARY KEY, url TEXT NOT NULL, kind TEXT NOT NULL, resource TEXT NOT NULL, created_at REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0, next_at REAL, outcome TEXT NOT NULL DEFAULT '');
CREATE INDEX notice_next ON notice(next_at) WHERE next_at IS NOT NULL;
CREATE TABLE sms(id INTEGER PRIMARY KEY, phone TEXT NOT NULL, text TEXT NOT NULL, at REAL NOT NULL);
CREATE INDEX sms_phone ON sms(phone, at);
CREATE TABLE wall(
    id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, channel TEXT NOT NULL, recipient TEXT NOT NULL,
    title TEXT NOT NULL, text TEXT NOT NULL, links TEXT NOT NULL, raw TEXT NOT NULL);
"""
SINCE_1 = """
ALTER TABLE trade ADD COLUMN trade_type TEXT NOT NULL DEFAULT 'NATIVE';
CREATE TABLE ali_trade(
    out_trade_no TEXT PRIMARY KEY, trade_no TEXT NOT NULL UNIQUE, method TEXT NOT NULL, subject TEXT NOT NULL,
    total INTEGER NOT NULL, notify_url TEXT NOT NULL, state TEXT NOT NULL, buyer_id TEXT NOT NULL,
    created_at REAL NOT NULL, expires_at REAL NOT NULL, paid_at REAL);
CREATE INDEX ali_trade_paid ON ali_trade(paid_at);
CREATE TABLE ali_refund(
    out_request_no TEXT NOT NULL, out_trade_no TEXT NOT NULL, amount INTEGER NOT NULL, reason TEXT, at REAL NOT NULL,
    PRIMARY KEY(out_trade_no, out_request_no));
CREATE INDEX ali_refund_at ON ali_refund(at);
CREATE TABLE ali_notice(
    id TEXT PRIMARY KEY, url TEXT NOT NULL, body TEXT NOT NULL, created_at REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0, next_at REAL, outcome TEXT NOT NULL DEFAULT '');
CREATE INDEX ali_notice_next ON ali_notice(next_at) WHERE next_at IS NOT NULL;
"""
"""What format 2 adds to format 1."""


class Store:
    """The file that WeChat's and Alipay's books, the SMS log and the phone wall are kept in.

    One process, one thread. A committed change survives kill -9 (WAL), not a power cut:
    it is the memory of other companies, not of ours.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version > FORMAT:
            raise SystemExit(f"{path} has format {version}, this sandbox knows up to {FORMAT}")
        if version < FORMAT:
            missing = SINCE_1 if version else SCHEMA + SINCE_1
            self._connection.executescript(f"BEGIN;{missing};PRAGMA user_version={FORMAT};COMMIT;")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the statements within, or none."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
        return found

    def run(self, sql: str, *values: object) -> int:
        """Runs one statement; returns the id of the row it inserted, if it did."""
        return self._connection.execute(sql, values).lastrowid or 0

    def close(self) -> None:
        self._connection.close()
