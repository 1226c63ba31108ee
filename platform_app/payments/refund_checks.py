"""Refunds on their way: sent to the channel until it takes them, asked about until they are done."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import Row

from platform_app.kit.log import Log
from platform_app.kit.service import Service
from platform_app.payments import refund_rows, repository
from platform_app.payments.channel import NO_REFUND, ChannelError, ChannelRefused, Refund, RefundWish
from platform_app.payments.room import Room
from platform_app.payments.settle import take_refund
from platform_app.payments.tables import payment

log = Log("payments.refund_checks")
BATCH = 12
WAITS = (5, 10, 20, 40, 80, 160, 300)


def next_check(checks: int, now: int) -> int:
    """When to ask again: rarer each time."""
    return now + WAITS[min(checks, len(WAITS) - 1)]


class RefundChecks:
    """The loop's work: `tick` deals with a batch of refunds that are due."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._room: Room = service.room

    async def tick(self, now: int) -> None:
        """Sends or asks about what is due; a channel that does not answer is asked again later."""
        async with self._service.db.read() as c:
            rows = await refund_rows.due(c, now, BATCH)
        await asyncio.gather(*(self._check(row, now) for row in rows))

    async def _check(self, row: Row[Any], now: int) -> None:
        async with self._service.db.read() as c:
            paid = (await c.execute(payment.select().where(payment.c.id == row.payment_id))).one()
        try:
            await (self._send(row, paid, now) if row.status == "wanted" else self._query(row, paid, now))
        except ChannelError as error:
            log.warning("refund.failed", out_refund_no=row.out_refund_no, code=error.code)
            await self._later(row, now)

    async def _later(self, row: Row[Any], now: int) -> None:
        async with self._service.db.transaction() as c:
            await refund_rows.change(c, row.id, checks=row.checks + 1, check_at=next_check(row.checks, now))

    async def _send(self, row: Row[Any], paid: Row[Any], now: int) -> None:
        wish = RefundWish(row.out_refund_no, paid.out_trade_no, row.amount_fen, paid.amount_fen, row.reason or "退款")
        try:
            answer = await self._room.gateway.call(paid.channel, lambda c: c.refund(wish), back=True)
        except ChannelRefused as error:
            await self._refused(row, error, now)
            return
        async with self._service.db.transaction() as c:
            own = f"{row.out_refund_no}:sent"
            body = {"out_refund_no": row.out_refund_no, "raw": dict(answer.raw)}
            if await repository.append(c, paid.id, "refund_sent", own, now, body):
                await repository.change(c, paid.id, refund_status="sent")
            await refund_rows.change(c, row.id, status="sent", checks=0, check_at=now + 3)
        await self._done(paid, answer, now)

    async def _query(self, row: Row[Any], paid: Row[Any], now: int) -> None:
        try:
            call = lambda c: c.query_refund(row.out_refund_no, paid.out_trade_no)  # noqa: E731
            answer: Refund = await self._room.gateway.call(paid.channel, call, back=True)
        except ChannelRefused as error:
            if error.code != NO_REFUND:
                raise
            await self._again(row, now)  # they took it and know nothing of it: the same number is safe to send again
            return
        if answer.state == "processing":
            await self._later(row, now)
        await self._done(paid, answer, now)

    async def _again(self, row: Row[Any], now: int) -> None:
        async with self._service.db.transaction() as c:
            later = {"checks": row.checks + 1, "check_at": next_check(row.checks, now)}
            await refund_rows.change(c, row.id, status="wanted", **later)

    async def _done(self, paid: Row[Any], answer: Refund, now: int) -> None:
        if answer.state != "done":
            return
        async with self._service.db.transaction() as c:
            outcome = await take_refund(c, paid, answer, f"query:{answer.out_refund_no}:done"[:80], now)
        if outcome == "taken":
            self._room.figures.refunds.labels("done").inc()

    async def _refused(self, row: Row[Any], error: ChannelRefused, now: int) -> None:
        """The channel will never do it: a person has to look."""
        self._room.figures.refunds.labels("refused").inc()
        log.error("refund.refused", out_refund_no=row.out_refund_no, code=error.code)
        async with self._service.db.transaction() as c:
            await refund_rows.refuse(c, row, error.code, now)
