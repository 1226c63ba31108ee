"""What the channel did not tell us, we ask: open trades whose notification never came, or whose order is paid."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from sqlalchemy import Row

from platform_app.kit.log import Log
from platform_app.kit.service import Service
from platform_app.payments import repository
from platform_app.payments.channel import NO_TRADE, ChannelError, ChannelRefused, Trade
from platform_app.payments.gateway import is_alipay
from platform_app.payments.room import Room
from platform_app.payments.settle import take_trade

log = Log("payments.checks")
Step = Literal["abandon", "query", "none"]
BATCH = 12
WAITS = (10, 20, 40, 80, 160, 300)
GRACE_SECONDS = 5


def next_step(row: Row[Any]) -> Step:
    """What is to be done about a payment whose check is due."""
    if row.status == "created":
        return "abandon"
    return "query" if row.status == "prepaid" else "none"


def is_over(row: Row[Any], now: int) -> bool:
    """True when a trade that is open must be closed: its time is up, or another attempt has won."""
    return row.superseded_at is not None or now >= row.expires_at + GRACE_SECONDS


def next_check(row: Row[Any], now: int) -> int:
    """When to ask again: rarer each time, but an open trade is asked for soon after it expires."""
    at = now + WAITS[min(row.checks, len(WAITS) - 1)]
    end = row.expires_at + GRACE_SECONDS
    return min(at, end) if row.status == "prepaid" and now < end else at


class Checks:
    """The loop's work: `tick` deals with a batch of payments that are due."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._room: Room = service.room

    async def tick(self, now: int) -> None:
        """Asks the channel about what is due; a channel that does not answer is asked again later."""
        async with self._service.db.read() as c:
            rows = await repository.due(c, now, BATCH)
        await asyncio.gather(*(self._check(row, now) for row in rows))

    async def _check(self, row: Row[Any], now: int) -> None:
        work = {
            "abandon": self._abandon,
            "query": self._query,
            "none": self._done,
        }
        step = next_step(row)
        try:
            await work[step](row, now)
        except ChannelError as error:
            log.warning("check.failed", out_trade_no=row.out_trade_no, step=step, code=error.code)
            await self._later(row, now)

    async def _later(self, row: Row[Any], now: int) -> None:
        async with self._service.db.transaction() as c:
            await repository.change(c, row.id, checks=row.checks + 1, check_at=next_check(row, now))

    async def _done(self, row: Row[Any], now: int) -> None:
        async with self._service.db.transaction() as c:
            await repository.change(c, row.id, check_at=None)

    async def _abandon(self, row: Row[Any], now: int) -> None:
        """The process died in the middle of the call; nobody was given the code."""
        async with self._service.db.transaction() as c:
            if await repository.move(c, row.id, "failed", failed_at=now, failure="abandoned", check_at=None):
                await repository.append(c, row.id, "failed", f"{row.out_trade_no}:failed", now, {"code": "abandoned"})

    async def _query(self, row: Row[Any], now: int) -> None:
        trade = await self._asked(row)
        if trade is not None and trade.state in ("paid", "refunded"):
            await self._paid(row, trade, now)
        elif trade is None and is_alipay(row.channel) and now < row.expires_at + GRACE_SECONDS:
            await self._later(row, now)  # nobody opened it yet: there is nothing to close, and it may be paid still
        elif trade is None or trade.state == "closed":
            await self._closed(row, now)
        elif not is_over(row, now):
            await self._later(row, now)
        else:
            await self._close(row)
            await self._closed(row, now)

    async def _asked(self, row: Row[Any]) -> Trade | None:
        try:
            return await self._room.gateway.call(row.channel, lambda c: c.query(row.out_trade_no), back=True)
        except ChannelRefused as error:
            if error.code == NO_TRADE:
                return None
            raise

    async def _close(self, row: Row[Any]) -> None:
        try:
            await self._room.gateway.call(row.channel, lambda c: c.close(row.out_trade_no), back=True)
        except ChannelRefused as error:
            if error.code != NO_TRADE:
                raise

    async def _paid(self, row: Row[Any], trade: Trade, now: int) -> None:
        async with self._service.db.transaction() as c:
            outcome = await take_trade(c, row, trade, f"query:{row.out_trade_no}:paid", now)
            if outcome == "mismatch":
                await repository.change(c, row.id, check_at=None)
        log.info("check.paid", out_trade_no=row.out_trade_no, outcome=outcome)
        self._room.figures.came(row, outcome)

    async def _closed(self, row: Row[Any], now: int) -> None:
        async with self._service.db.transaction() as c:
            if await repository.move(c, row.id, "closed", check_at=None):
                await repository.append(c, row.id, "closed", f"{row.out_trade_no}:closed", now)
