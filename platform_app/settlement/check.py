"""The proof of the books: every sum computed anew from the entries, and each way in which they could be wrong counted."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.settlement.tables import account, book, entry, journal


@dataclass(frozen=True, slots=True)
class Proof:
    """All zero but the two counts when the books are right; `imbalance_fen` is the sum of all entries."""

    journals: int
    entries: int
    imbalance_fen: int
    journals_unbalanced: int
    balances_wrong: int
    running_wrong: int
    below_zero: int
    held_wrong_fen: int

    @property
    def right(self) -> bool:
        return not any(value for name, value in asdict(self).items() if name not in ("journals", "entries"))

    def shown(self) -> dict[str, Any]:
        return {**asdict(self), "right": self.right}


async def prove(c: AsyncConnection) -> Proof:
    """Reads everything once; run it hourly and after every suspicion, in one transaction."""
    held = await _number(c, select(func.coalesce(func.sum(book.c.held_fen), 0)))
    funds = await _number(
        c, select(func.coalesce(func.sum(account.c.balance_fen), 0)).where(account.c.kind == "customer_funds")
    )
    guarded = select(func.count()).select_from(account).where(account.c.guarded, account.c.balance_fen < 0)
    return Proof(
        journals=await _number(c, select(func.count()).select_from(journal)),
        entries=await _number(c, select(func.count()).select_from(entry)),
        imbalance_fen=await _number(c, select(func.coalesce(func.sum(entry.c.amount_fen), 0))),
        journals_unbalanced=await _number(c, _journals()),
        balances_wrong=await _number(c, _balances()),
        running_wrong=await _number(c, _running()),
        below_zero=await _number(c, guarded),
        held_wrong_fen=held - funds,
    )


async def _number(c: AsyncConnection, query: Select[Any]) -> int:
    return int((await c.execute(query)).scalar_one())


def _journals() -> Select[Any]:
    """Journals whose entries do not sum to zero, or not to what their head says."""
    debit = func.sum((entry.c.amount_fen + func.abs(entry.c.amount_fen)) / 2)
    total = func.coalesce(func.sum(entry.c.amount_fen), 0)
    wrong = (
        select(journal.c.id)
        .join(entry, entry.c.journal_id == journal.c.id, isouter=True)
        .group_by(journal.c.id, journal.c.debit_fen)
        .having(or_(total != 0, func.coalesce(debit, 0) != journal.c.debit_fen))
    )
    return select(func.count()).select_from(wrong.subquery())


def _balances() -> Select[Any]:
    """Accounts whose balance or count of entries is not that of their entries."""
    total, count = func.coalesce(func.sum(entry.c.amount_fen), 0), func.count(entry.c.seq)
    wrong = (
        select(account.c.id)
        .join(entry, entry.c.account_id == account.c.id, isouter=True)
        .group_by(account.c.id, account.c.side, account.c.balance_fen, account.c.entries)
        .having(or_(account.c.balance_fen != account.c.side * total, account.c.entries != count))
    )
    return select(func.count()).select_from(wrong.subquery())


def _running() -> Select[Any]:
    """Entries whose running total is not the sum of those up to them."""
    so_far = func.sum(entry.c.amount_fen).over(partition_by=entry.c.account_id, order_by=entry.c.seq)
    place = func.row_number().over(partition_by=entry.c.account_id, order_by=entry.c.seq)
    rows = select(
        entry.c.account_id, entry.c.seq, entry.c.balance_fen, so_far.label("so_far"), place.label("place")
    ).subquery()
    wrong = or_(rows.c.balance_fen != rows.c.so_far * account.c.side, rows.c.seq != rows.c.place)
    return select(func.count()).select_from(rows).join(account, account.c.id == rows.c.account_id).where(wrong)
