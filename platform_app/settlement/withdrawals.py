"""Withdrawals: asked for by a provider, decided by an operator, sent to the channel, and given back when that fails."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.config import Settlement
from platform_app.kit.db import Db
from platform_app.kit.log import Log
from platform_app.kit.problem import Problem, not_found
from platform_app.kit.times import local
from platform_app.settlement.channel import ChannelFailed, ChannelRefused, ChannelSilent, Transfer, Transfers
from platform_app.settlement.posting import Overdrawn, post, within
from platform_app.settlement.rules import draft
from platform_app.settlement.tables import withdrawal

log = Log("settlement.withdrawals")
BATCH = 20
WAITS = (5, 10, 30, 60, 300, 900)
NOT_THERE = ("NOT_FOUND", "RESOURCE_NOT_EXISTS")
NOT_ENOUGH = "NOT_ENOUGH"
"""The merchant's balance does not suffice: it may tomorrow, so the transfer is tried again."""


async def request(
    db: Db, provider_id: int, amount_fen: int, openid: str, key: str, rules: Settlement, now: int
) -> tuple[Row[Any], bool]:
    """A new withdrawal whose money has left what is available, and True; for a repeated key the first one, and False.

    Raises Problem 422 `amount_out_of_range`, `key_reused`; 409 `not_enough`.
    """
    if not rules.min_withdrawal_fen <= amount_fen <= rules.max_withdrawal_fen:
        least, most = rules.min_withdrawal_fen / 100, rules.max_withdrawal_fen / 100
        raise Problem(
            422, "amount_out_of_range", f"提现金额须在 {least:.2f} 元到 {most:.2f} 元之间", field="amount_fen"
        )

    async def work(c: AsyncConnection) -> tuple[Row[Any], bool]:
        mine = (withdrawal.c.provider_id == provider_id, withdrawal.c.idempotency_key == key)
        found = (await c.execute(select(withdrawal).where(*mine))).first()
        if found is not None:
            if (found.amount_fen, found.openid) != (amount_fen, openid):
                raise Problem(422, "key_reused", "该幂等键已用于另一笔提现", field="Idempotency-Key")
            return found, False
        number = f"W{local(now, '%y%m%d%H%M%S')}{secrets.randbelow(10**12):012d}"
        values = {"no": number, "provider_id": provider_id, "amount_fen": amount_fen, "openid": openid}
        times = {"requested_at": now, "idempotency_key": key, "tries": 0}
        await c.execute(insert(withdrawal).values(**values, **times, state="requested"))
        await _book(c, number, "requested", provider_id, amount_fen, now)
        return (await c.execute(select(withdrawal).where(withdrawal.c.no == number))).one(), True

    try:
        return await within(db, work)
    except Overdrawn as error:
        raise Problem(409, "not_enough", "可提现余额不足", field="amount_fen") from error


async def decide(db: Db, withdrawal_id: int, operator: int, approve: bool, reason: str, now: int) -> Row[Any]:
    """An operator says yes or no; saying the same again changes nothing. Raises Problem 404, 409 `wrong_status`."""
    to = "approved" if approve else "rejected"

    async def work(c: AsyncConnection) -> Row[Any]:
        row = await _lock(c, withdrawal_id)
        if row.state == to or (approve and row.state in ("sent", "paid")):
            return row
        if row.state != "requested":
            raise Problem(409, "wrong_status", f"提现当前状态({row.state})不能审批", withdrawal_status=row.state)
        values = {"state": to, "decided_by": operator, "decided_at": now, "check_at": now if approve else None}
        if not approve:
            values |= {"failure": reason, "done_at": now}
            await _book(c, row.no, "returned", row.provider_id, row.amount_fen, now, reason)
        await c.execute(update(withdrawal).where(withdrawal.c.id == row.id).values(values))
        return await _lock(c, withdrawal_id)

    return await within(db, work)


class Payouts:
    """The loop's work: sends what is approved, asks about what is sent."""

    def __init__(self, db: Db, transfers: Transfers) -> None:
        self._db = db
        self._transfers = transfers

    async def tick(self, now: int) -> list[str]:
        """Deals with what is due; the states that were come to. A silent channel is asked again later."""
        async with self._db.read() as c:
            query = select(withdrawal).where(withdrawal.c.check_at <= now).order_by(withdrawal.c.check_at)
            rows = (await c.execute(query.limit(BATCH))).all()
        return [await self._step(row, now) for row in rows]

    async def _step(self, row: Row[Any], now: int) -> str:
        first = row.state == "approved"
        if first:
            await self._later(row, now, None)  # the intent is written first: who dies now asks before he sends again
        try:
            found = await asyncio.to_thread(self._send if first else self._ask, row)
        except ChannelRefused as refused:
            if refused.code == NOT_ENOUGH:
                return await self._later(row, now, refused.code)
            return await self._end(row, "failed", refused.code, now)
        except ChannelFailed as failed:
            log.warning("transfer.silent", withdrawal=row.no, code=failed.code)
            return await self._later(row, now, failed.code)
        if found.amount_fen != row.amount_fen:
            log.error("transfer.mismatch", withdrawal=row.no, theirs=found.amount_fen, ours=row.amount_fen)
            return await self._later(row, now, "amount_mismatch")
        if found.state == "open":
            return await self._later(row, now, None)
        return await self._end(row, found.state, found.failure or None, now)

    def _send(self, row: Row[Any]) -> Transfer:
        return self._transfers.send(row.no, row.openid, row.amount_fen)

    def _ask(self, row: Row[Any]) -> Transfer:
        """How it stands; what they never got is sent again. Any other refusal says nothing about the money."""
        try:
            return self._transfers.ask(row.no)
        except ChannelRefused as refused:
            if refused.code in NOT_THERE:
                return self._send(row)
            raise ChannelSilent(refused.code, str(refused)) from refused

    async def _later(self, row: Row[Any], now: int, failure: str | None) -> str:
        wait = WAITS[min(row.tries, len(WAITS) - 1)]
        values = {"state": "sent", "tries": row.tries + 1, "check_at": now + wait, "failure": failure}
        async with self._db.transaction() as c:
            mine = (withdrawal.c.id == row.id, withdrawal.c.state.in_(("approved", "sent")))
            await c.execute(update(withdrawal).where(*mine).values(values))
        return "sent"

    async def _end(self, row: Row[Any], state: str, failure: str | None, now: int) -> str:
        async def work(c: AsyncConnection) -> str:
            if (await _lock(c, row.id)).state not in ("approved", "sent"):
                return "repeated"
            kind = "paid" if state == "paid" else "returned"
            await _book(c, row.no, kind, row.provider_id, row.amount_fen, now, failure or "")
            values = {"state": state, "done_at": now, "failure": failure, "check_at": None}
            await c.execute(update(withdrawal).where(withdrawal.c.id == row.id).values(values))
            return state

        outcome = await within(self._db, work)
        log.info("transfer.ended", withdrawal=row.no, outcome=outcome, failure=failure)
        return outcome


async def _lock(c: AsyncConnection, withdrawal_id: int) -> Row[Any]:
    row = (await c.execute(select(withdrawal).where(withdrawal.c.id == withdrawal_id).with_for_update())).first()
    if row is None:
        raise not_found("提现")
    return row


async def _book(
    c: AsyncConnection, no: str, step: str, provider_id: int, amount_fen: int, now: int, reason: str = ""
) -> None:
    owners = {"provider": str(provider_id), "channel": "wechat"}
    kind = f"withdrawal.{step}"
    made = draft(f"{no}:{step}", kind, no, {"amount": amount_fen}, owners, reason[:200])
    await post(c, made, now)
