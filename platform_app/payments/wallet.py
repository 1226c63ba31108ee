"""Wallets: balances are sums of entries that are only ever appended; exact under concurrency, never negative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.db import insert_ignore
from platform_app.kit.problem import Problem
from platform_app.payments.tables import entry, wallet

Kind = Literal["top_up", "pay", "refund", "freeze", "unfreeze"]
KINDS: tuple[Kind, ...] = ("top_up", "pay", "refund", "freeze", "unfreeze")


@dataclass(frozen=True, slots=True)
class Balance:
    """A wallet now, in fen; `version` counts its entries."""

    balance_fen: int = 0
    frozen_fen: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """An entry to be made, once by `event_id`. Amounts are positive; the kind says what they do."""

    user_id: int
    kind: Kind
    amount_fen: int
    event_id: str
    about: str

    @property
    def effect(self) -> tuple[int, int]:
        """What it adds to the balance, and to what is frozen."""
        x = self.amount_fen
        return {"top_up": (x, 0), "refund": (x, 0), "pay": (-x, 0), "freeze": (-x, x), "unfreeze": (x, -x)}[self.kind]


async def change(c: AsyncConnection, wish: Change, now: int, if_version: int | None = None) -> bool:
    """Appends an entry inside the caller's transaction; False when it was made before.

    Raises Problem 409 `insufficient_balance`, `key_reused`, or `version_conflict` when the wallet is not at `if_version`.
    """
    found = await _locked(c, wish.user_id)
    before = (await c.execute(select(entry).where(entry.c.event_id == wish.event_id))).first()
    if before is not None:
        if (before.user_id, before.kind, before.amount_fen) != (wish.user_id, wish.kind, wish.effect[0]):
            raise Problem(409, "key_reused", "该幂等键已用于另一笔变动")
        return False
    if if_version is not None and found.version != if_version:
        raise Problem(409, "version_conflict", "钱包已变化,请刷新后再试", version=found.version)
    amount, frozen = wish.effect
    after = {"balance_fen": found.balance_fen + amount, "frozen_fen": found.frozen_fen + frozen}
    if min(after.values()) < 0:
        what = "钱包余额不足" if after["balance_fen"] < 0 else "冻结金额不足"
        raise Problem(409, "insufficient_balance", what, balance_fen=found.balance_fen)
    version = found.version + 1
    await c.execute(update(wallet).where(wallet.c.user_id == wish.user_id).values(**after, version=version))
    row = {"user_id": wish.user_id, "version": version, "kind": wish.kind, "event_id": wish.event_id, "at": now}
    await c.execute(insert(entry).values(**row, amount_fen=amount, frozen_fen=frozen, about=wish.about[:80]))
    return True


async def _locked(c: AsyncConnection, user_id: int) -> Row[Any]:
    """The wallet's row, locked until the transaction ends; made when there is none."""
    query = select(wallet).where(wallet.c.user_id == user_id).with_for_update()
    found = (await c.execute(query)).first()
    if found is None:
        empty = {"user_id": user_id, "balance_fen": 0, "frozen_fen": 0, "version": 0}
        await c.execute(insert_ignore(wallet).values(empty))
        found = (await c.execute(query)).one()
    return found


async def balance(c: AsyncConnection, user_id: int) -> Balance:
    found = (await c.execute(select(wallet).where(wallet.c.user_id == user_id))).first()
    return Balance() if found is None else Balance(found.balance_fen, found.frozen_fen, found.version)


async def summed(c: AsyncConnection, user_id: int) -> Balance:
    """The same from the entries alone."""
    sums = func.coalesce(func.sum(entry.c.amount_fen), 0), func.coalesce(func.sum(entry.c.frozen_fen), 0)
    row = (await c.execute(select(*sums, func.count()).where(entry.c.user_id == user_id))).one()
    return Balance(int(row[0]), int(row[1]), int(row[2]))


async def entries(c: AsyncConnection, user_id: int, before: int, limit: int) -> list[Row[Any]]:
    """The newest entries with a version below `before`."""
    query = select(entry).where(entry.c.user_id == user_id, entry.c.version < before)
    return list((await c.execute(query.order_by(entry.c.version.desc()).limit(limit))).all())
