"""Paying, asking how a payment stands, and the channel's notifications."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Row

from platform_app.kit.answers import Json
from platform_app.kit.auth import Principal, Who, internal, require
from platform_app.kit.problem import not_found
from platform_app.kit.service import Here
from platform_app.kit.times import iso, now
from platform_app.payments import notices, refunds, repository
from platform_app.payments.attempt import pay
from platform_app.payments.channel import NoticeRefused

router = APIRouter(prefix="/api/v1", tags=["payments"])
inner = APIRouter(prefix="/internal", include_in_schema=False, dependencies=[Depends(internal)])
Customer = Annotated[Principal, Depends(require("customer", "operator"))]


class PayRequest(BaseModel):
    channel: Literal["wechat_native"] = "wechat_native"


class RefundWish(BaseModel):
    order_id: int
    out_trade_no: str = ""
    reason: Annotated[str, Field(max_length=80)] = ""


class RefundEvent(BaseModel):
    """An event as orders' relay delivers it."""

    id: str
    kind: str
    payload: RefundWish


@router.post("/orders/{order_id}/pay", summary="Pay an order: a code to be scanned by WeChat")
async def start(order_id: int, who: Customer, service: Here, body: PayRequest | None = None) -> dict[str, Any]:
    channel = (body or PayRequest()).channel
    return shown(await pay(service, who.user_id, order_id, channel, now()))


@router.get("/payments/{out_trade_no}", summary="How a payment stands")
async def show(out_trade_no: str, who: Who, service: Here) -> dict[str, Any]:
    async with service.db.read() as c:
        row = await repository.by_trade_no(c, out_trade_no)
    if row is None or (who.role != "operator" and row.user_id != who.user_id):
        raise not_found("支付")
    return shown(row)


@router.post("/payments/wechat/notify", summary="WeChat Pay's notifications", status_code=204)
async def notified(request: Request, service: Here) -> Response:
    """Answers 204 when taken (also a second time), 4xx with `{"code": "FAIL"}` when not: WeChat repeats those."""
    body = await request.body()
    try:
        await notices.take(service, "wechat_native", request.headers, body, now())
    except NoticeRefused as error:
        return Json({"code": "FAIL", "message": str(error)}, 401)
    return Response(status_code=204)


@inner.post("/refunds", status_code=202)
async def refund(body: RefundEvent, service: Here) -> dict[str, Any]:
    wish = body.payload
    status = await refunds.want(service, body.id, wish.out_trade_no, wish.order_id, wish.reason, now())
    return {"refund_status": status}


def shown(row: Row[Any]) -> dict[str, Any]:
    """A payment as its customer sees it; the code only while it can be paid."""
    return {
        "out_trade_no": row.out_trade_no,
        "order_id": row.order_id,
        "channel": row.channel,
        "gateway": row.gateway,
        "amount_fen": row.amount_fen,
        "status": row.status,
        "code_url": row.code_url if row.status == "prepaid" else None,
        "created_at": iso(row.created_at),
        "expires_at": iso(row.expires_at),
        "succeeded_at": iso(row.succeeded_at),
        "refund_status": row.refund_status,
        "refunded_at": iso(row.refunded_at),
    }
