"""Money from before the ledger is taken in once, and its later events find it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from sqlalchemy import func, select

from platform_app.kit.db import Db
from platform_app.opening import HOLDING, open_books
from platform_app.orders.tables import order
from platform_app.payments.tables import payment
from platform_app.seed.write import seed
from platform_app.settlement.tables import movement
from tests.platform_app.sandbox.homes import make_home
from tests.platform_app.settlement.books import completed, holds, paid, proof, take


async def test_what_old_orders_hold_is_taken_in_once(tmp_path: Path, database_url: str) -> None:
    now = int(time.time())
    config = make_home(tmp_path, database_url=database_url).config
    await asyncio.to_thread(seed, database_url, now, lambda _: None)
    taken = await asyncio.to_thread(open_books, config, now)
    assert taken > 100
    assert await asyncio.to_thread(open_books, config, now) == 0
    db = Db(database_url)
    async with db.read() as c:
        holding = select(order.c.id).where(order.c.status.in_(HOLDING))
        mine = (payment.c.order_id.in_(holding), payment.c.status == "succeeded", payment.c.succeeded_at < now - 600)
        total = (await c.execute(select(func.sum(payment.c.amount_fen)).where(*mine))).scalar_one()
        one = (await c.execute(select(payment).where(*mine).limit(1))).one()
        days = (await c.execute(select(movement.c.billed_day).distinct())).scalars().all()
    assert await holds(db, "customer_funds") == total == await holds(db, "channel_cash", "wechat")
    assert days == ["opening"]
    assert await take(db, paid(one.order_id, one.amount_fen, one.out_trade_no)) == ["repeated"]
    assert await take(db, completed(one.order_id, one.amount_fen)) == ["posted"]
    assert (await proof(db)).right
    await db.close()
