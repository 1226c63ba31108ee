"""The ledger's opening: money that came before there was a ledger, for orders that still hold it.

Taken under the ids that the payments' own events have, so that doing it again, or an event that comes after all,
changes nothing. The channels' bills of then are not compared: such payments count as billed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.config import PlatformConfig
from platform_app.kit.db import Db
from platform_app.orders.tables import order
from platform_app.payments.tables import payment
from platform_app.settlement import tables as ledger
from platform_app.settlement.earnings import Book
from platform_app.settlement.facts import Fact, family
from platform_app.settlement.posting import post, within
from platform_app.settlement.rules import draft

HOLDING = ("paid", "accepted", "refunding")
OPENING = "opening"
SETTLED_SECONDS = 600
CHUNK = 500


def open_books(config: PlatformConfig, now: int) -> int:
    """Takes in what orders hold that the ledger does not know; of how many payments. Raises SQLAlchemyError.

    Payments of the last minutes are left to their events; so is an order that the ledger knows already.
    """
    return asyncio.run(_open(config, now))


async def _open(config: PlatformConfig, now: int) -> int:
    db = Db(config.database_url)
    try:
        return await within(db, lambda c: _take_in(c, now))
    finally:
        await db.close()


async def _take_in(c: AsyncConnection, now: int) -> int:
    rows = await _unknown(c, now)
    if not rows:
        return 0
    facts = [_fact(row) for row in rows]
    events = [
        {"event_id": f.event_id, "kind": f.kind, "order_id": f.order_id, "fact": f.text(), "state": "posted"}
        for f in facts
    ]
    await c.execute(insert(ledger.event), [{**event, "taken_at": now} for event in events])
    held: dict[int, int] = {}
    for fact in facts:
        held[fact.order_id] = held.get(fact.order_id, 0) + fact.amount_fen
    await c.execute(insert(ledger.book), [asdict(Book(order_id, held_fen=fen)) for order_id, fen in held.items()])
    await c.execute(insert(ledger.movement), [_movement(fact) for fact in facts])
    for channel in sorted({fact.channel for fact in facts}):
        mine = [fact for fact in facts if fact.channel == channel]
        made = f"{OPENING}:{mine[0].trade_no}"
        amounts = {"paid": sum(fact.amount_fen for fact in mine)}
        await post(c, draft(made, "payment.succeeded", OPENING, amounts, {"channel": channel}, "账簿启用"), now)
    return len(facts)


def _fact(row: Row[Any]) -> Fact:
    return Fact(
        f"{row.out_trade_no}:succeeded",
        "payment.succeeded",
        row.order_id,
        row.succeeded_at,
        row.amount_fen,
        channel=family(row.channel),
        trade_no=row.out_trade_no,
        user_id=row.user_id,
    )


def _movement(fact: Fact) -> dict[str, Any]:
    names = {"ref": fact.trade_no, "trade_no": fact.trade_no, "subject": "paid", "billed_day": OPENING}
    money = {"channel": fact.channel, "order_id": fact.order_id, "amount_fen": fact.amount_fen, "at": fact.at}
    return {**names, **money}


async def _unknown(c: AsyncConnection, now: int) -> list[Row[Any]]:
    """Payments of orders that hold their money and that the ledger has no book of."""
    orders = list((await c.execute(select(order.c.id).where(order.c.status.in_(HOLDING)))).scalars())
    found: list[Row[Any]] = []
    for chunk in _chunks(orders):
        known = set(
            (await c.execute(select(ledger.book.c.order_id).where(ledger.book.c.order_id.in_(chunk)))).scalars()
        )
        mine = payment.c.order_id.in_([number for number in chunk if number not in known])
        old = (payment.c.status == "succeeded", payment.c.succeeded_at < now - SETTLED_SECONDS)
        found += (await c.execute(select(payment).where(mine, *old, payment.c.channel != "wallet"))).all()
    return found


def _chunks(values: Sequence[int]) -> Iterator[Sequence[int]]:
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))
