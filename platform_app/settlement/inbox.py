"""Taking events: each once, in whatever order they come. One that is early waits for what it builds on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.db import Db
from platform_app.settlement import facts
from platform_app.settlement.accounts import Account
from platform_app.settlement.earnings import Around, Book, released, step
from platform_app.settlement.facts import Fact
from platform_app.settlement.posting import Overdrawn, balance, post, within
from platform_app.settlement.rules import draft
from platform_app.settlement.tables import book, event, movement

Outcome = Literal["posted", "waiting", "repeated"]


@dataclasses.dataclass(frozen=True, slots=True)
class Taken:
    """What became of an event, and the kinds of the journals that were posted with it."""

    outcome: Outcome
    journals: tuple[str, ...] = ()


async def take(db: Db, fact: Fact, hold_seconds: int, now: int) -> Taken:
    """Takes an event once; posts it, and whatever waited for it."""

    async def work(c: AsyncConnection) -> Taken:
        known = select(event.c.event_id).where(event.c.event_id == fact.event_id)
        if (await c.execute(known)).first():
            return Taken("repeated")
        if fact.order_id:
            await _lock(c, fact.order_id)
        head = {"event_id": fact.event_id, "kind": fact.kind, "order_id": fact.order_id, "fact": fact.text()}
        await c.execute(insert(event).values(**head, state="waiting", taken_at=now))
        done = await _progress(c, fact.order_id, hold_seconds, now)
        state = (await c.execute(select(event.c.state).where(event.c.event_id == fact.event_id))).scalar_one()
        return Taken(state, tuple(done.values()))

    return await within(db, work)


async def retry(db: Db, order_id: int, hold_seconds: int, now: int) -> tuple[str, ...]:
    """Tries what waits at an order once more; the kinds of the journals posted."""

    async def work(c: AsyncConnection) -> tuple[str, ...]:
        if order_id:
            await _lock(c, order_id)
        return tuple((await _progress(c, order_id, hold_seconds, now)).values())

    return await within(db, work)


async def waiting_orders(c: AsyncConnection, limit: int = 200) -> list[int]:
    """Orders with events that wait, those that have waited longest first."""
    first = func.min(event.c.taken_at)
    query = select(event.c.order_id).where(event.c.state == "waiting").group_by(event.c.order_id).order_by(first)
    return list((await c.execute(query.limit(limit))).scalars())


async def due(c: AsyncConnection, now: int, limit: int = 200) -> list[int]:
    """Orders whose earnings become available by `now`."""
    query = select(book.c.order_id).where(book.c.state == "pending", book.c.available_at <= now)
    return list((await c.execute(query.order_by(book.c.available_at).limit(limit))).scalars())


async def release(db: Db, order_id: int, now: int) -> bool:
    """Makes an order's earnings available; False when that is not its time any more."""

    async def work(c: AsyncConnection) -> bool:
        before = _book(await _lock(c, order_id))
        if before.state != "pending" or before.available_at is None or before.available_at > now:
            return False
        debt = await balance(c, Account("provider_debt", str(before.provider_id)), lock=True)
        after, amounts = released(before, Around(debt_fen=debt))
        owners = {"provider": str(before.provider_id)}
        if before.net_fen:
            event_id = f"release:{order_id}"
            await post(c, draft(event_id, "earning.released", str(order_id), amounts, owners), now)
        await _save(c, after)
        return bool(before.net_fen)

    return await within(db, work)


async def _progress(c: AsyncConnection, order_id: int, hold_seconds: int, now: int) -> dict[str, str]:
    """Posts what can be posted, until nothing more can; event id → kind of what was posted."""
    done: dict[str, str] = {}
    moved = True
    while moved:
        moved = False
        for fact in await _waiting(c, order_id):
            if await _known(c, fact):
                await _close(c, fact, "repeated")
            elif await _try(c, fact, hold_seconds, now):
                await _close(c, fact, "posted")
                done[fact.event_id] = fact.kind
            else:
                continue
            moved = True
            break
    return done


async def _waiting(c: AsyncConnection, order_id: int) -> list[Fact]:
    query = select(event.c.fact).where(event.c.order_id == order_id, event.c.state == "waiting")
    found = [facts.kept(text) for text in (await c.execute(query.limit(200))).scalars()]
    return sorted(found, key=lambda fact: (facts.KINDS.index(fact.kind), fact.at, fact.event_id))


async def _try(c: AsyncConnection, fact: Fact, hold_seconds: int, now: int) -> bool:
    """Posts an event if it can be; False while something must come first."""
    after: Book | None = None
    amounts: Mapping[str, int] = {"paid": fact.amount_fen}
    if fact.order_id:
        before = _book((await c.execute(select(book).where(book.c.order_id == fact.order_id))).one())
        planned = step(before, fact, await _around(c, before, fact, hold_seconds))
        if planned is None:
            return False
        after, amounts = planned
    provider = str(after.provider_id if after else 0)
    owners = {"channel": fact.channel, "user": str(fact.user_id), "provider": provider}
    made = draft(fact.event_id, fact.kind, str(fact.order_id or fact.user_id), amounts, owners)
    try:
        if made.entries:
            await post(c, made, now)
    except Overdrawn:
        return False
    if after is not None:
        await _save(c, after)
    if fact.trade_no:
        await _move(c, fact)
    return True


async def _known(c: AsyncConnection, fact: Fact) -> bool:
    """Was this money told of before, under another event's id?"""
    if not fact.trade_no:
        return False
    mine = (movement.c.subject == _subject(fact), movement.c.ref == (fact.refund_no or fact.trade_no))
    return (await c.execute(select(movement.c.id).where(*mine))).first() is not None


async def _close(c: AsyncConnection, fact: Fact, state: str) -> None:
    await c.execute(update(event).where(event.c.event_id == fact.event_id).values(state=state))


async def _around(c: AsyncConnection, before: Book, fact: Fact, hold_seconds: int) -> Around:
    left = available = 0
    if fact.kind == "payment.refunded":
        mine = select(movement.c.subject, movement.c.amount_fen).where(movement.c.order_id == fact.order_id)
        rows = (await c.execute(mine.where(movement.c.trade_no == fact.trade_no))).all()
        left = sum(row.amount_fen if row.subject == "paid" else -row.amount_fen for row in rows)
    if fact.kind in ("payment.refunded", "order.disputed") and before.provider_id:
        available = await balance(c, Account("provider_available", str(before.provider_id)), lock=True)
    return Around(trade_left_fen=left, available_fen=available, hold_seconds=hold_seconds)


async def _move(c: AsyncConnection, fact: Fact) -> None:
    """Notes what the channel must show in its bill too."""
    row = {
        "channel": fact.channel,
        "subject": _subject(fact),
        "ref": fact.refund_no or fact.trade_no,
        "trade_no": fact.trade_no,
        "order_id": fact.order_id,
        "amount_fen": fact.amount_fen,
        "at": fact.at,
    }
    await c.execute(insert(movement).values(row))


def _subject(fact: Fact) -> str:
    return "refunded" if fact.refund_no else "paid"


async def _lock(c: AsyncConnection, order_id: int) -> Row[Any]:
    """The order's book, made when there is none, locked until the transaction ends."""
    query = select(book).where(book.c.order_id == order_id).with_for_update()
    found = (await c.execute(query)).first()
    if found is None:
        await c.execute(insert(book).values(**dataclasses.asdict(Book(order_id))))
        found = (await c.execute(query)).one()
    return found


def _book(row: Row[Any]) -> Book:
    return Book(**row._mapping)


async def _save(c: AsyncConnection, after: Book) -> None:
    values = dataclasses.asdict(after)
    await c.execute(update(book).where(book.c.order_id == values.pop("order_id")).values(values))
