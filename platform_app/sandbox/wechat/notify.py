"""WeChat's notifications: signed, sealed, repeated until the merchant says 2xx."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Sequence

import aiohttp

from platform_app.kit.log import Log
from platform_app.sandbox.faults import Faults
from platform_app.sandbox.store import Store
from platform_app.sandbox.wechat.book import Book, shanghai
from platform_app.sandbox.wechat.signing import Signing

log = Log("platform.sandbox.notify")

# The documented waits: 15 s, 15 s, 30 s, 3 m, 10 m, 20 m, 3 × 30 m, 60 m, 3 × 3 h, 2 × 6 h.
WAITS: Sequence[float] = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
KEPT_SECONDS = 86400
SUMMARIES = {"TRANSACTION.SUCCESS": "支付成功", "REFUND.SUCCESS": "退款成功"}


class Notifier:
    """Delivers the notices that the book owes, and pays out refunds that are due."""

    def __init__(self, store: Store, book: Book, signing: Signing, faults: Faults, waits: Sequence[float]) -> None:
        self._store = store
        self._book = book
        self._signing = signing
        self._faults = faults
        self._waits = waits
        self._wake = asyncio.Event()
        self._forget_at = 0.0

    def wake(self) -> None:
        """Something is owed now."""
        self._wake.set()

    async def run(self) -> None:
        """Runs until cancelled."""
        timeout = aiohttp.ClientTimeout(total=5)  # WeChat gives a merchant 5 s to answer
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                await self.tick(session, time.time())
                await self._sleep(0.5)

    async def tick(self, session: aiohttp.ClientSession, now: float) -> None:
        """Pays out due refunds, tries each due notice once, forgets the settled ones of before yesterday."""
        self._book.finish_refunds(now)
        if now >= self._forget_at:
            self._forget_at = now + 3600
            self._store.run("DELETE FROM notice WHERE next_at IS NULL AND created_at < ?", now - KEPT_SECONDS)
        due = self._store.rows("SELECT * FROM notice WHERE next_at <= ? ORDER BY next_at LIMIT 50", now)
        await asyncio.gather(*(self._try(session, row) for row in due))

    async def _try(self, session: aiohttp.ClientSession, row: sqlite3.Row) -> None:
        if self._faults["callbacks_lost"].on:
            self._settle(row, "lost", None)
            return
        body = _body(row, self._signing)
        headers = {"Content-Type": "application/json", **self._signing.headers(body, time.time())}
        try:
            async with session.post(row["url"], data=body, headers=headers) as response:
                outcome, done = str(response.status), 200 <= response.status < 300
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            outcome, done = type(error).__name__, False
        tries = row["tries"]
        log.info("notice.tried", notice=row["id"], kind=row["kind"], outcome=outcome, tries=tries + 1)
        self._settle(row, outcome, None if done or tries >= len(self._waits) else time.time() + self._waits[tries])

    def _settle(self, row: sqlite3.Row, outcome: str, next_at: float | None) -> None:
        sql = "UPDATE notice SET tries = tries + 1, outcome = ?, next_at = ? WHERE id = ?"
        self._store.run(sql, outcome, next_at, row["id"])

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return
        self._wake.clear()


def _body(row: sqlite3.Row, signing: Signing) -> bytes:
    original = "transaction" if row["kind"].startswith("TRANSACTION") else "refund"
    return json.dumps(
        {
            "id": row["id"],
            "create_time": shanghai(row["created_at"]),
            "resource_type": "encrypt-resource",
            "event_type": row["kind"],
            "summary": SUMMARIES[row["kind"]],
            "resource": signing.seal(row["resource"].encode(), original),
        },
        ensure_ascii=False,
    ).encode()
