"""What operators see and do: accounts, journals, corrections, withdrawals' approval, differences, the proof."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Query
from pydantic import BaseModel, Field

from platform_app.kit.auth import Principal, require
from platform_app.kit.pages import decode_cursor, encode_cursor, page
from platform_app.kit.problem import Problem
from platform_app.kit.service import Here
from platform_app.kit.times import now
from platform_app.settlement import differences, views, withdrawals
from platform_app.settlement.accounts import KINDS, Account
from platform_app.settlement.check import prove
from platform_app.settlement.posting import Overdrawn, Unbalanced, post, within
from platform_app.settlement.room import Room
from platform_app.settlement.rules import Draft

router = APIRouter(prefix="/api/v1/settlement/operator", tags=["settlement"])
Operator = Annotated[Principal, Depends(require("operator"))]
Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str, Query(max_length=200)]
Number = Annotated[int, Path(ge=1, le=(1 << 63) - 1)]
Reason = Annotated[str, Field(min_length=2, max_length=200, pattern=r"\S", examples=["渠道确认为重复入账,已退回"])]


class Decision(BaseModel):
    """Why; told to the provider when it is a no."""

    reason: Reason


class EntryIn(BaseModel):
    """An entry of a correction: debit positive, credit negative."""

    account: Annotated[str, Field(max_length=32, examples=["suspense"])]
    owner: Annotated[str, Field(max_length=32)] = ""
    amount_fen: Annotated[int, Field(ge=-(1 << 40), le=1 << 40)]


class Correction(BaseModel):
    """A journal of free entries that sum to zero. What is booked is never changed: a correction is booked beside it."""

    subject: Annotated[str, Field(min_length=1, max_length=40)]
    reason: Reason
    entries: Annotated[list[EntryIn], Field(min_length=2, max_length=20)]


@router.get("/accounts", summary="Accounts and what they hold")
async def accounts(
    who: Operator,
    service: Here,
    kind: Annotated[str, Query(max_length=32)] = "",
    cursor: Cursor = "",
    limit: Limit = 50,
) -> dict[str, Any]:
    after = decode_cursor(cursor, 1)[0] if cursor else 0
    async with service.db.read() as c:
        rows = await views.accounts(c, kind, after, limit + 1)
    more = encode_cursor(rows[limit - 1].id) if len(rows) > limit else None
    return page([views.account_shown(row) for row in rows[:limit]], more)


@router.get("/journals", summary="Journals with their entries, newest first; of one order or withdrawal by `subject`")
async def journals(
    who: Operator,
    service: Here,
    subject: Annotated[str, Query(max_length=40)] = "",
    cursor: Cursor = "",
    limit: Limit = 20,
) -> dict[str, Any]:
    before = decode_cursor(cursor, 1)[0] if cursor else None
    async with service.db.read() as c:
        rows, lines = await views.journals(c, subject, before, limit + 1)
    more = encode_cursor(rows[limit - 1].id) if len(rows) > limit else None
    return page([views.journal_shown(row, lines[row.id]) for row in rows[:limit]], more)


@router.post("/journals", summary="Correct the books by a new journal", status_code=201)
async def correct(
    body: Correction,
    who: Operator,
    service: Here,
    key: Annotated[str, Header(alias="Idempotency-Key", min_length=8, max_length=60, pattern=r"^[\x21-\x7e]+$")],
) -> dict[str, Any]:
    lines = tuple((_account(line), line.amount_fen) for line in body.entries)
    reason = f"{body.reason} (操作员 {who.user_id})"[:200]
    made = Draft(f"correction:{key}", "correction", body.subject, lines, reason)
    try:
        new = await within(service.db, lambda c: post(c, made, now()))
    except Unbalanced as error:
        raise Problem(422, "unbalanced", "借贷不平", field="entries") from error
    except Overdrawn as error:
        raise Problem(409, "overdrawn", f"{KINDS[error.account.kind].title}不能为负", field="entries") from error
    if new:
        room: Room = service.room
        room.figures.posted(["correction"])
    return {"event_id": made.event_id, "posted": new}


def _account(line: EntryIn) -> Account:
    kind = KINDS.get(line.account)
    if kind is None:
        raise Problem(422, "unknown_account", f"没有这种账户;可用:{', '.join(KINDS)}", field="account")
    if bool(kind.owner) != bool(line.owner):
        raise Problem(422, "bad_owner", "该账户" + ("须指明归属" if kind.owner else "没有归属"), field="owner")
    return Account(line.account, line.owner)


@router.get("/proof", summary="Every sum of the books computed anew")
async def proof(who: Operator, service: Here) -> dict[str, Any]:
    async with service.db.read() as c:
        found = await prove(c)
    room: Room = service.room
    room.figures.proved(found)
    return found.shown()


@router.get("/withdrawals", summary="All withdrawals, newest first")
async def all_withdrawals(
    who: Operator,
    service: Here,
    state: Literal["", "requested", "approved", "sent", "paid", "failed", "rejected"] = "",
    cursor: Cursor = "",
    limit: Limit = 20,
) -> dict[str, Any]:
    before = decode_cursor(cursor, 1)[0] if cursor else None
    async with service.db.read() as c:
        rows = await views.withdrawals(c, None, state, before, limit + 1)
    more = encode_cursor(rows[limit - 1].id) if len(rows) > limit else None
    return page([views.withdrawal_shown(row) for row in rows[:limit]], more)


@router.post("/withdrawals/{withdrawal_id}/approve", summary="Approve: the money goes to the channel")
async def approve(withdrawal_id: Number, who: Operator, service: Here) -> dict[str, Any]:
    return views.withdrawal_shown(await withdrawals.decide(service.db, withdrawal_id, who.user_id, True, "", now()))


@router.post("/withdrawals/{withdrawal_id}/reject", summary="Refuse: the money is available again")
async def reject(withdrawal_id: Number, body: Decision, who: Operator, service: Here) -> dict[str, Any]:
    row = await withdrawals.decide(service.db, withdrawal_id, who.user_id, False, body.reason, now())
    return views.withdrawal_shown(row)


@router.get("/differences", summary="Differences to the channels' bills, newest first, with how to settle each")
async def all_differences(
    who: Operator,
    service: Here,
    state: Literal["", "open", "resolved"] = "open",
    channel: Annotated[str, Query(max_length=32)] = "",
    cursor: Cursor = "",
    limit: Limit = 20,
) -> dict[str, Any]:
    before = decode_cursor(cursor, 1)[0] if cursor else None
    async with service.db.read() as c:
        rows = await differences.page_of(c, state, channel, before, limit + 1)
    more = encode_cursor(rows[limit - 1].id) if len(rows) > limit else None
    return page([differences.shown(row) for row in rows[:limit]], more)


@router.post("/differences/{difference_id}/resolve", summary="Settle a difference, with the reason")
async def resolve(difference_id: Number, body: Decision, who: Operator, service: Here) -> dict[str, Any]:
    return differences.shown(await differences.resolve(service.db, difference_id, who.user_id, body.reason, now()))


@router.get("/reconciliations", summary="The last runs, by day and channel")
async def reconciliations(who: Operator, service: Here, limit: Limit = 30) -> dict[str, Any]:
    async with service.db.read() as c:
        return page(await views.runs(c, limit), None)
