"""What a provider sees of the books: the own balance, entries, withdrawals."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import BaseModel, Field

from platform_app.kit.auth import Principal, require
from platform_app.kit.pages import decode_cursor, encode_cursor, page
from platform_app.kit.problem import Problem
from platform_app.kit.service import Here
from platform_app.kit.times import now
from platform_app.settlement import views, withdrawals
from platform_app.settlement.accounts import KINDS
from platform_app.settlement.room import Room

router = APIRouter(prefix="/api/v1/settlement", tags=["settlement"])
Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str, Query(max_length=200)]
Purse = Literal["pending", "available", "frozen"]


class WithdrawalRequest(BaseModel):
    """How much, in fen, and to whose WeChat."""

    amount_fen: Annotated[int, Field(ge=1, le=1 << 40, examples=[50_000])]
    openid: Annotated[str, Field(pattern=r"^[0-9A-Za-z_\-]{6,64}$", examples=["o-MYE42l80oelYMDE34nYD456Xoy"])]


async def _provider(who: Annotated[Principal, Depends(require("provider"))]) -> int:
    if not who.provider_id:
        raise Problem(403, "forbidden", "没有服务者资料")
    return who.provider_id


Provider = Annotated[int, Depends(_provider)]
Key = Annotated[str, Header(alias="Idempotency-Key", min_length=8, max_length=80, pattern=r"^[\x21-\x7e]+$")]


@router.get("/balance", summary="A provider's own balance: pending, available, frozen, owed, on its way")
async def balance(provider_id: Provider, service: Here) -> dict[str, int]:
    async with service.db.read() as c:
        return await views.balances(c, provider_id)


@router.get("/entries", summary="A provider's own entries, newest first")
async def entries(
    provider_id: Provider, service: Here, purse: Purse = "available", cursor: Cursor = "", limit: Limit = 20
) -> dict[str, Any]:
    before = decode_cursor(cursor, 1) if cursor else None
    kind = f"provider_{purse}"
    async with service.db.read() as c:
        rows = await views.entries(c, str(provider_id), kind, before, limit + 1)
    more = encode_cursor(rows[limit - 1].seq) if len(rows) > limit else None
    return page([views.entry_shown(row, KINDS[kind].side) for row in rows[:limit]], more)


@router.post(
    "/withdrawals",
    summary="Withdraw what is available; the key makes repeating it harmless",
    status_code=201,
    responses={200: {"description": "Asked for before"}, 409: {"description": "Not enough is available"}},
)
async def withdraw(
    body: WithdrawalRequest, provider_id: Provider, key: Key, service: Here, response: Response
) -> dict[str, Any]:
    room: Room = service.room
    row, new = await withdrawals.request(service.db, provider_id, body.amount_fen, body.openid, key, room.rules, now())
    if new:
        room.figures.posted(["withdrawal.requested"])
    else:
        response.status_code = 200
    return views.withdrawal_shown(row)


@router.get("/withdrawals", summary="A provider's own withdrawals, newest first")
async def mine(provider_id: Provider, service: Here, cursor: Cursor = "", limit: Limit = 20) -> dict[str, Any]:
    before = decode_cursor(cursor, 1)[0] if cursor else None
    async with service.db.read() as c:
        rows = await views.withdrawals(c, provider_id, "", before, limit + 1)
    more = encode_cursor(rows[limit - 1].id) if len(rows) > limit else None
    return page([views.withdrawal_shown(row) for row in rows[:limit]], more)
