"""A customer's wallet: what is in it, what happened to it, putting money in; an operator's freezing."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request

from platform_app.kit.service import Here, Service
from platform_app.kit.times import iso, now
from platform_app.payments import top_up, wallet
from platform_app.payments.attempt import Way
from platform_app.payments.endpoints import Customer, IdempotencyKey, Operator, client_ip
from platform_app.payments.room import Room
from platform_app.payments.schemas import FreezeRequest, TopUpRequest, shown

router = APIRouter(prefix="/api/v1/payments", tags=["wallet"])
NEWEST = 1 << 62


@router.get("/wallet", summary="What is in the wallet, in fen")
async def show(who: Customer, service: Here) -> dict[str, int]:
    return await _shown(service, who.user_id)


@router.get("/wallet/entries", summary="What happened to the wallet, the newest first")
async def history(
    who: Customer,
    service: Here,
    before: Annotated[int, Query(ge=1, le=NEWEST)] = NEWEST,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> dict[str, Any]:
    """`before`: the version that the page before ended with."""
    async with service.db.read() as c:
        rows = await wallet.entries(c, who.user_id, before, limit)
    names = ("version", "kind", "amount_fen", "frozen_fen", "about")
    shown_rows = [{**{name: getattr(row, name) for name in names}, "at": iso(row.at)} for row in rows]
    return {"entries": shown_rows, "next": rows[-1].version if len(rows) == limit else None}


@router.post("/wallet/top-ups", summary="Put money into the wallet")
async def fill(
    who: Customer, service: Here, request: Request, body: TopUpRequest, key: IdempotencyKey
) -> dict[str, Any]:
    way = Way(body.channel, body.openid, client_ip(request))
    return shown(await top_up.begin(service, who.user_id, body.amount_fen, way, key, now()))


@router.post("/wallets/{user_id}/{verb}", summary="Freeze money of a wallet, or set it free")
async def freeze(
    user_id: Annotated[int, Path(ge=1, le=NEWEST)],
    verb: Literal["freeze", "unfreeze"],
    who: Operator,
    service: Here,
    body: FreezeRequest,
    key: IdempotencyKey,
) -> dict[str, int]:
    about = f"{who.user_id}: {body.reason}"
    wish = wallet.Change(user_id, verb, body.amount_fen, f"by:{who.user_id}:{key}"[:80], about)
    async with service.db.transaction() as c:
        made = await wallet.change(c, wish, now(), body.version)
    if made:
        room: Room = service.room
        room.figures.entries.labels(verb).inc()
    return await _shown(service, user_id)


async def _shown(service: Service, user_id: int) -> dict[str, int]:
    async with service.db.read() as c:
        found = await wallet.balance(c, user_id)
    return {"balance_fen": found.balance_fen, "frozen_fen": found.frozen_fen, "version": found.version}
