"""Alipay's notifications: form-encoded, signed as they are sent, repeated until the merchant says `success`."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import Sequence
from urllib.parse import parse_qsl

import aiohttp

from platform_app.kit.log import Log
from platform_app.sandbox.alipay.money import stamp
from platform_app.sandbox.alipay.signing import Signing
from platform_app.sandbox.faults import Faults
from platform_app.sandbox.store import Store

log = Log("platform.sandbox.alipay")

# The documented waits: 4 m, 10 m, 10 m, 1 h, 2 h, 6 h, 15 h.
WAITS: Sequence[float] = (240, 600, 600, 3600, 7200, 21600, 54000)
KEPT_SECONDS = 86400


class Notifier:
    """Delivers the notices that the book owes; the faults lose, delay, repeat, shuffle and forge them."""

    def __init__(self, store: Store, signing: Signing, faults: Faults, waits: Sequence[float] = WAITS) -> None:
        self._store = store
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
        timeout = aiohttp.ClientTimeout(total=5)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                await self.tick(session, time.time())
                await self._sleep(0.5)

    async def tick(self, session: aiohttp.ClientSession, now: float) -> None:
        """Tries each due notice once, forgets the settled ones of before yesterday."""
        if now >= self._forget_at:
            self._forget_at = now + 3600
            self._store.run("DELETE FROM ali_notice WHERE next_at IS NULL AND created_at < ?", now - KEPT_SECONDS)
        late = self._faults["alipay_callbacks_late"]
        due_at = now - (late.number("seconds", 5.0) if late.on else 0.0)
        due = self._store.rows("SELECT * FROM ali_notice WHERE next_at <= ? ORDER BY next_at LIMIT 50", due_at)
        if self._faults["alipay_callbacks_reordered"].on:
            random.shuffle(due)
            for row in due:
                await self._try(session, row)
        else:
            await asyncio.gather(*(self._try(session, row) for row in due))

    async def _try(self, session: aiohttp.ClientSession, row: sqlite3.Row) -> None:
        if self._faults["alipay_callbacks_lost"].on:
            self._settle(row, "lost", None)
            return
        repeated = self._faults["alipay_callbacks_repeated"]
        times = int(repeated.number("times", 3)) if repeated.on else 1
        outcomes = [await self._send(session, row) for _ in range(times)]
        outcome, tries = outcomes[-1], row["tries"]
        log.info("notice.tried", notice=row["id"], outcome=outcome, tries=tries + 1)
        done = "success" in outcomes
        self._settle(row, outcome, None if done or tries >= len(self._waits) else time.time() + self._waits[tries])

    async def _send(self, session: aiohttp.ClientSession, row: sqlite3.Row) -> str:
        signing = self._signing.forged() if self._faults["alipay_forged"].on else self._signing
        body = dict(parse_qsl(row["body"], keep_blank_values=True))
        signed = signing.notification({**body, "notify_time": stamp(time.time())})
        try:
            async with session.post(row["url"], data=signed) as response:
                said = (await response.text())[:64].strip()
                return said if said == "success" else str(response.status)
        except (TimeoutError, aiohttp.ClientError, OSError, UnicodeDecodeError) as error:
            return type(error).__name__

    def _settle(self, row: sqlite3.Row, outcome: str, next_at: float | None) -> None:
        sql = "UPDATE ali_notice SET tries = tries + 1, outcome = ?, next_at = ? WHERE id = ?"
        self._store.run(sql, outcome, next_at, row["id"])

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return
        self._wake.clear()
