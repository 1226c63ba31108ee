"""Filling a wallet through a channel: a top-up is a bill whose order id is its own, negated."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select

from platform_app.kit.db import insert_ignore
from platform_app.kit.problem import Problem
from platform_app.kit.service import Service
from platform_app.kit.times import local
from platform_app.payments.attempt import Bill, Way, pay_bill
from platform_app.payments.tables import top_up

LASTS_SECONDS = 900


async def begin(service: Service, user_id: int, amount_fen: int, way: Way, key: str, now: int) -> Row[Any]:
    """Opens a trade that fills the wallet; the attempt. The same key again is the same top-up.

    Raises Problem 409 `key_reused` when the key came with another amount, 422 out of bounds, and those of paying.
    """
    rules = service.config.payments
    if not rules.min_top_up_fen <= amount_fen <= rules.max_top_up_fen:
        least, most = rules.min_top_up_fen / 100, rules.max_top_up_fen / 100
        raise Problem(422, "amount_out_of_range", f"充值金额须为 {least:.2f}–{most:.2f} 元", field="amount_fen")
    mine = (top_up.c.user_id == user_id, top_up.c.idempotency_key == key)
    async with service.db.transaction() as c:
        values = {"user_id": user_id, "amount_fen": amount_fen, "idempotency_key": key, "created_at": now}
        await c.execute(insert_ignore(top_up).values(values))
        found = (await c.execute(select(top_up).where(*mine))).one()
    if found.amount_fen != amount_fen:
        raise Problem(409, "key_reused", "该幂等键已用于另一笔充值")
    number = f"W{local(found.created_at, '%y%m%d')}{found.id:012d}"
    bill = Bill(-found.id, number, user_id, amount_fen, found.created_at + LASTS_SECONDS, "钱包充值")
    if bill.hold_until <= now:
        raise Problem(409, "not_payable", "充值已超时,请重新发起")
    return await pay_bill(service, bill, way, now)
