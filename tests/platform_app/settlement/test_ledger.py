"""Events become balanced journals, once each, in whatever order they come."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import SQLAlchemyError

from platform_app.kit.db import Db
from platform_app.settlement import inbox
from platform_app.settlement.accounts import Account
from platform_app.settlement.posting import Overdrawn, Unbalanced, post
from platform_app.settlement.rules import Draft
from platform_app.settlement.tables import account, entry, journal
from tests.platform_app.settlement.books import (
    HOLD,
    NOW,
    completed,
    disputed,
    holds,
    paid,
    proof,
    refunded,
    resolved,
    sheet,
    take,
)


async def test_an_order_from_payment_to_what_its_provider_may_withdraw(db: Db) -> None:
    assert await take(db, paid(1), completed(1, coupon=501)) == ["posted", "posted"]
    assert await sheet(db) == {
        "channel_cash/wechat": 10_000,
        "coupon_cost": 501,
        "commission": 1_575,
        "provider_pending/7": 8_926,
    }
    async with db.read() as c:
        assert await inbox.due(c, NOW + HOLD - 1) == []
        assert await inbox.due(c, NOW + HOLD) == [1]
    assert not await inbox.release(db, 1, NOW + HOLD - 1)
    assert await inbox.release(db, 1, NOW + HOLD)
    assert not await inbox.release(db, 1, NOW + HOLD)
    assert (await holds(db, "provider_available", "7"), await holds(db, "provider_pending", "7")) == (8_926, 0)
    assert (await proof(db)).right


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
async def test_any_order_of_events_gives_the_same_books(sqlite_url: str, order: tuple[int, ...]) -> None:
    events = (paid(1), completed(1), disputed(1), refunded(1, 4_000))
    db = Db(sqlite_url)
    outcomes = await take(db, *(events[i] for i in order))
    assert outcomes[-1] == "posted"
    assert await sheet(db) == {
        "channel_cash/wechat": 6_000,
        "commission": 900,
        "provider_frozen/7": 5_100,
    }
    assert await take(db, *events) == ["repeated"] * 4
    assert (await proof(db)).journals == 4
    await db.close()


async def test_money_that_was_told_of_under_another_id_counts_once(db: Db) -> None:
    again = dataclasses.replace(paid(1), event_id="another")
    assert await take(db, paid(1), again) == ["posted", "repeated"]
    assert await take(db, refunded(1), dataclasses.replace(refunded(1), event_id="x")) == ["posted", "repeated"]
    assert await sheet(db) == {}


async def test_a_payment_paid_twice_goes_back_without_touching_the_provider(db: Db) -> None:
    await take(db, refunded(1, trade="B"), paid(1, trade="A"), completed(1))
    assert await holds(db, "customer_funds") == 0
    assert await take(db, paid(1, trade="B")) == ["posted"]
    assert await sheet(db) == {
        "channel_cash/wechat": 10_000,
        "commission": 1_500,
        "provider_pending/7": 8_500,
    }


async def test_what_a_provider_has_withdrawn_he_owes_and_earns_back(db: Db) -> None:
    await take(db, paid(1), completed(1))
    await inbox.release(db, 1, NOW + HOLD)
    gone = (Account("provider_available", "7"), 8_000), (Account("withdrawal_transit", "7"), -8_000)
    async with db.transaction() as c:
        await post(c, Draft("w", "withdrawal.requested", "w", gone), NOW)
    await take(db, refunded(1))
    assert (await holds(db, "provider_debt", "7"), await holds(db, "provider_available", "7")) == (8_000, 0)
    await take(db, paid(2), completed(2))
    await inbox.release(db, 2, NOW + HOLD)
    assert (await holds(db, "provider_debt", "7"), await holds(db, "provider_available", "7")) == (0, 500)
    assert (await proof(db)).right


async def test_a_dispute_freezes_and_ends(db: Db) -> None:
    await take(db, paid(1), completed(1))
    await inbox.release(db, 1, NOW + HOLD)
    assert await take(db, resolved(1), disputed(1)) == ["waiting", "posted"]
    assert (await holds(db, "provider_frozen", "7"), await holds(db, "provider_available", "7")) == (0, 8_500)
    async with db.read() as c:
        kinds = list((await c.execute(select(journal.c.kind).order_by(journal.c.id))).scalars())
    assert kinds[-2:] == ["order.disputed", "order.dispute_resolved"]


async def test_a_wallet_pays_only_what_it_holds(db: Db) -> None:
    top_up = dataclasses.replace(paid(0, 10_000, trade="TOP"), kind="wallet.topped_up")
    by_wallet = paid(1, 8_000, trade="WAL", channel="wallet")
    assert await take(db, by_wallet, top_up) == ["waiting", "posted"]
    assert await inbox.retry(db, 1, HOLD, NOW) == ("payment.succeeded",)
    assert await sheet(db) == {"channel_cash/wechat": 10_000, "customer_funds": 8_000, "wallet/1": 2_000}


async def test_events_at_the_same_time_are_all_booked(db: Db) -> None:
    events = [make(n) for n in range(1, 9) for make in (paid, completed, refunded)]
    await asyncio.gather(*(take(db, fact) for fact in (*events[::-1], *events)))
    async with db.read() as c:
        for order_id in await inbox.waiting_orders(c):
            raise AssertionError(f"order {order_id} still waits")
    assert (await proof(db)).right
    assert await sheet(db) == {}  # every order was given back whole, before or after it was done


async def test_what_does_not_balance_or_overdraws_is_refused_and_leaves_nothing(db: Db) -> None:
    one, two = Account("suspense"), Account("customer_funds")
    async with db.transaction() as c:
        with pytest.raises(Unbalanced):
            await post(c, Draft("a", "correction", "x", ((one, 5), (two, -4))), NOW)
        with pytest.raises(Unbalanced):
            await post(c, Draft("b", "correction", "x", ((one, 5), (one, -5))), NOW)
        with pytest.raises(Overdrawn):
            await post(c, Draft("c", "correction", "x", ((two, 5), (one, -5))), NOW)
    assert (await proof(db)).journals == 0


async def test_what_is_booked_cannot_be_changed_or_deleted(db: Db) -> None:
    await take(db, paid(1))
    forbidden = (
        update(entry).values(amount_fen=1),
        delete(entry),
        update(journal).values(reason="x"),
        delete(journal),
        update(account).values(balance_fen=-1).where(account.c.kind == "customer_funds"),
    )
    for statement in forbidden:
        with pytest.raises(SQLAlchemyError):
            async with db.transaction() as c:
                await c.execute(statement)
    assert (await proof(db)).right


async def test_the_proof_finds_a_wrong_balance(db: Db) -> None:
    await take(db, paid(1), paid(2))
    async with db.transaction() as c:
        await c.execute(update(account).where(account.c.kind == "channel_cash").values(balance_fen=20_001))
    found = await proof(db)
    assert (found.balances_wrong, found.right) == (1, False)
