"""Shorthand for tests of the books: events as facts, balances, the proof."""

from __future__ import annotations

from sqlalchemy import select

from platform_app.kit.db import Db
from platform_app.settlement import inbox
from platform_app.settlement.accounts import Account
from platform_app.settlement.check import Proof, prove
from platform_app.settlement.facts import Fact
from platform_app.settlement.posting import balance
from platform_app.settlement.tables import account

NOW = 1_800_000_000
DAY = 86_400
HOLD = 7 * DAY


def paid(order: int, fen: int = 10_000, trade: str = "", channel: str = "wechat", at: int = NOW) -> Fact:
    number = trade or f"T{order:08d}"
    return Fact(f"{number}:succeeded", "payment.succeeded", order, at, fen, channel=channel, trade_no=number, user_id=1)


def refunded(order: int, fen: int = 10_000, trade: str = "", refund: str = "", at: int = NOW) -> Fact:
    number = trade or f"T{order:08d}"
    back = refund or f"R{number}"
    return Fact(
        f"{back}:refunded",
        "payment.refunded",
        order,
        at,
        fen,
        channel="wechat",
        trade_no=number,
        refund_no=back,
        user_id=1,
    )


def completed(order: int, fen: int = 10_000, provider: int = 7, rate: int = 1_500, coupon: int = 0) -> Fact:
    return Fact(f"done-{order}", "order.completed", order, NOW, fen, coupon_fen=coupon, provider_id=provider, rate=rate)


def disputed(order: int) -> Fact:
    return Fact(f"dispute-{order}", "order.disputed", order, NOW)


def resolved(order: int) -> Fact:
    return Fact(f"resolve-{order}", "order.dispute_resolved", order, NOW)


async def take(db: Db, *facts: Fact) -> list[str]:
    """Takes events one after the other; their outcomes."""
    return [(await inbox.take(db, fact, HOLD, NOW)).outcome for fact in facts]


async def holds(db: Db, kind: str, owner: str = "") -> int:
    async with db.read() as c:
        return await balance(c, Account(kind, owner))


async def sheet(db: Db) -> dict[str, int]:
    """Every account that is not empty."""
    async with db.read() as c:
        rows = (await c.execute(select(account).where(account.c.balance_fen != 0))).all()
    return {f"{row.kind}/{row.owner}".rstrip("/"): row.balance_fen for row in rows}


async def proof(db: Db) -> Proof:
    async with db.read() as c:
        return await prove(c)
