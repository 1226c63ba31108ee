"""Posting: a draft becomes a journal with entries, once, inside the caller's transaction."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from sqlalchemy import Row, and_, insert, or_, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.db import Db, error_kind, inserted_id
from platform_app.settlement.accounts import KINDS, Account
from platform_app.settlement.rules import Draft
from platform_app.settlement.tables import account, entry, journal

T = TypeVar("T")
TRIES = 8


class Unbalanced(Exception):
    """A draft whose entries do not sum to zero, or that has none: a defect, nothing is written."""


class Overdrawn(Exception):
    """A draft would take more from an account than it holds; nothing is written."""

    def __init__(self, who: Account, balance_fen: int) -> None:
        super().__init__(f"{who.kind} {who.owner} would fall to {balance_fen} fen")
        self.account = who


async def within(db: Db, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """Runs `work` in a transaction, again when it lost a race (a deadlock, or another made the same row first)."""
    for attempt in range(TRIES):
        try:
            async with db.transaction() as c:
                return await work(c)
        except SQLAlchemyError as error:
            lost = isinstance(error, IntegrityError) or error_kind(error) == "locked"
            if not lost or attempt == TRIES - 1:
                raise
            await asyncio.sleep(random.uniform(0.005, 0.02) * (attempt + 1))
    raise AssertionError("unreachable")


def netted(entries: Iterable[tuple[Account, int]]) -> dict[Account, int]:
    """One amount an account, zeros left out. Raises Unbalanced."""
    net: dict[Account, int] = {}
    for who, fen in entries:
        net[who] = net.get(who, 0) + fen
    net = {who: fen for who, fen in net.items() if fen}
    total = sum(fen for fen in net.values())
    if not net or total:
        raise Unbalanced(f"entries of {len(net)} accounts sum to {total}")
    return net


async def post(c: AsyncConnection, draft: Draft, now: int) -> bool:
    """Posts a draft; False when its event was posted before. Raises Unbalanced, Overdrawn before it writes entries.

    Accounts are locked in the order of kind and owner.
    """
    net = netted(draft.entries)
    if (await c.execute(select(journal.c.id).where(journal.c.event_id == draft.event_id))).first():
        return False
    rows = await _locked(c, net)
    after = {who: row.balance_fen + row.side * net[who] for who, row in rows.items()}
    for who, balance in after.items():
        if balance < 0 and KINDS[who.kind].guarded:
            raise Overdrawn(who, balance)
    debits = sum(fen for fen in net.values() if fen > 0)
    head = {"event_id": draft.event_id, "kind": draft.kind, "subject": draft.subject, "reason": draft.reason}
    made = await c.execute(insert(journal).values(**head, debit_fen=debits, credit_fen=debits, at=now))
    number = inserted_id(made)
    await c.execute(
        insert(entry),
        [
            {
                "account_id": row.id,
                "seq": row.entries + 1,
                "journal_id": number,
                "amount_fen": net[who],
                "balance_fen": after[who],
                "at": now,
            }
            for who, row in rows.items()
        ],
    )
    for who, row in rows.items():
        values = {"balance_fen": after[who], "entries": row.entries + 1}
        await c.execute(update(account).where(account.c.id == row.id).values(values))
    return True


async def balance(c: AsyncConnection, who: Account, *, lock: bool = False) -> int:
    """What an account holds, on its normal side, in fen."""
    query = select(account.c.balance_fen).where(account.c.kind == who.kind, account.c.owner == who.owner)
    return int((await c.execute(query.with_for_update() if lock else query)).scalar() or 0)


async def _locked(c: AsyncConnection, wanted: Iterable[Account]) -> dict[Account, Row[Any]]:
    names = sorted(wanted)
    found = await _find(c, names)
    missing = [who for who in names if who not in found]
    if not missing:
        return found
    for who in missing:
        kind = KINDS[who.kind]
        values = {"kind": who.kind, "owner": who.owner, "side": kind.side, "guarded": kind.guarded}
        await c.execute(insert(account).values(**values, balance_fen=0, entries=0))
    return await _find(c, names)


async def _find(c: AsyncConnection, names: list[Account]) -> dict[Account, Row[Any]]:
    """Spelt as ORs: both engines read those as ranges of the unique index, and so lock in its order."""
    wanted = or_(*(and_(account.c.kind == who.kind, account.c.owner == who.owner) for who in names))
    query = select(account).where(wanted)
    rows = (await c.execute(query.with_for_update())).all()
    return {Account(row.kind, row.owner): row for row in rows}
