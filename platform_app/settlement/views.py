"""Reading the books: pages of entries, accounts, journals, withdrawals, newest first."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.times import iso
from platform_app.settlement.accounts import KINDS
from platform_app.settlement.tables import account, entry, journal, run, withdrawal

PROVIDER_KINDS = ("provider_pending", "provider_available", "provider_frozen", "provider_debt", "withdrawal_transit")


async def balances(c: AsyncConnection, provider_id: int) -> dict[str, int]:
    """What a provider has, in fen: pending, available, frozen, owed, on its way."""
    mine = (account.c.owner == str(provider_id), account.c.kind.in_(PROVIDER_KINDS))
    rows = await c.execute(select(account.c.kind, account.c.balance_fen).where(*mine))
    found = {row.kind: row.balance_fen for row in rows.all()}
    names = ("pending_fen", "available_fen", "frozen_fen", "owed_fen", "in_transit_fen")
    return {name: int(found.get(kind, 0)) for name, kind in zip(names, PROVIDER_KINDS, strict=True)}


async def entries(
    c: AsyncConnection, owner: str, kind: str, before: tuple[int, ...] | None, limit: int
) -> list[Row[Any]]:
    """Entries of one account kind of an owner; `before` is the last row's seq."""
    mine = (account.c.kind == kind, account.c.owner == owner)
    number = (await c.execute(select(account.c.id).where(*mine))).scalar()
    if number is None:
        return []
    query = (
        select(entry, journal.c.kind, journal.c.subject, journal.c.reason, journal.c.event_id)
        .join(journal, journal.c.id == entry.c.journal_id)
        .where(entry.c.account_id == number)
        .order_by(entry.c.seq.desc())
        .limit(limit)
    )
    if before:
        query = query.where(entry.c.seq < before[0])
    return list((await c.execute(query)).all())


def entry_shown(row: Row[Any], side: int) -> dict[str, Any]:
    """An entry as its owner reads it: `amount_fen` positive when it adds to the balance."""
    return {
        "seq": row.seq,
        "kind": row.kind,
        "subject": row.subject,
        "amount_fen": row.amount_fen * side,
        "balance_fen": row.balance_fen,
        "at": iso(row.at),
        "reason": row.reason,
    }


async def accounts(c: AsyncConnection, kind: str, after: int, limit: int) -> list[Row[Any]]:
    query = select(account).where(account.c.id > after).order_by(account.c.id).limit(limit)
    if kind:
        query = query.where(account.c.kind == kind)
    return list((await c.execute(query)).all())


def account_shown(row: Row[Any]) -> dict[str, Any]:
    names = ("id", "kind", "owner", "balance_fen", "entries")
    title = KINDS[row.kind].title
    side = "debit" if row.side == 1 else "credit"
    return {**{name: getattr(row, name) for name in names}, "title": title, "side": side}


async def journals(
    c: AsyncConnection, subject: str, before: int | None, limit: int
) -> tuple[list[Row[Any]], dict[int, list[Any]]]:
    """Journals, newest first, and the entries of each."""
    query = select(journal).order_by(journal.c.id.desc()).limit(limit)
    if subject:
        query = query.where(journal.c.subject == subject)
    if before is not None:
        query = query.where(journal.c.id < before)
    rows = list((await c.execute(query)).all())
    found: dict[int, list[Any]] = {row.id: [] for row in rows}
    lines = (
        select(entry.c.journal_id, entry.c.amount_fen, account.c.kind, account.c.owner)
        .join(account, account.c.id == entry.c.account_id)
        .where(entry.c.journal_id.in_(list(found)))
        .order_by(entry.c.journal_id, account.c.id)
    )
    for line in (await c.execute(lines)).all() if rows else ():
        found[line.journal_id].append(line)
    return rows, found


def journal_shown(row: Row[Any], lines: list[Any]) -> dict[str, Any]:
    """A journal with its entries, debits positive."""
    return {
        "id": row.id,
        "event_id": row.event_id,
        "kind": row.kind,
        "subject": row.subject,
        "amount_fen": row.debit_fen,
        "at": iso(row.at),
        "reason": row.reason,
        "entries": [{"account": x.kind, "owner": x.owner, "amount_fen": x.amount_fen} for x in lines],
    }


async def withdrawals(
    c: AsyncConnection, provider_id: int | None, state: str, before: int | None, limit: int
) -> list[Row[Any]]:
    """Of one provider, or of all."""
    query = select(withdrawal).order_by(withdrawal.c.id.desc()).limit(limit)
    if provider_id is not None:
        query = query.where(withdrawal.c.provider_id == provider_id)
    if state:
        query = query.where(withdrawal.c.state == state)
    if before is not None:
        query = query.where(withdrawal.c.id < before)
    return list((await c.execute(query)).all())


def withdrawal_shown(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "no": row.no,
        "provider_id": row.provider_id,
        "amount_fen": row.amount_fen,
        "state": row.state,
        "requested_at": iso(row.requested_at),
        "decided_at": iso(row.decided_at),
        "done_at": iso(row.done_at),
        "failure": row.failure,
    }


async def runs(c: AsyncConnection, limit: int) -> list[dict[str, Any]]:
    """The last reconciliations."""
    query = select(run).order_by(run.c.day.desc(), run.c.channel).limit(limit)
    return [{**row._mapping, "at": iso(row.at)} for row in (await c.execute(query)).all()]
