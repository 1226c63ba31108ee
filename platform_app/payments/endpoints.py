"""Paying, asking how a payment stands, giving money back, and the channels' notifications."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import BaseModel, Field

from platform_app.kit.answers import Json
from platform_app.kit.auth import Principal, Who, internal, require
from platform_app.kit.problem import Problem, not_found
from platform_app.kit.service import Here
from platform_app.kit.times import now
from platform_app.payments import notices, refund_rows, refunds, repository, wallet_pay
from platform_app.payments.attempt import Way, pay
from platform_app.payments.channel import NoticeRefused
from platform_app.payments.schemas import Key, PayRequest, RefundRequest, shown, shown_refund

router = APIRouter(prefix="/api/v1", tags=["payments"])
inner = APIRouter(prefix="/internal", include_in_schema=False, dependencies=[Depends(internal)])
Customer = Annotated[Principal, Depends(require("customer", "operator"))]
Operator = Annotated[Principal, Depends(require("operator"))]
IdempotencyKey = Annotated[Key, Header(alias="Idempotency-Key", examples=["5e0f7c1a-refund-1"])]
MOST_NOTICE = 64 * 1024


class RefundWish(BaseModel):
    order_id: int
    out_trade_no: str = ""
    amount_fen: Annotated[int, Field(ge=1)] | None = None
    reason: Annotated[str, Field(max_length=80)] = ""


class RefundEvent(BaseModel):
    """An event as orders' relay delivers it."""

    id: Annotated[str, Field(max_length=70)]
    kind: str
    payload: RefundWish


def client_ip(request: Request) -> str:
    """Whose browser it is, as the edge saw it."""
    seen = request.headers.get("x-forwarded-for", "").split(",")[0].strip()[:45]
    return seen or (request.client.host if request.client else "127.0.0.1")


@router.post("/orders/{order_id}/pay", summary="Pay an order by WeChat, Alipay or the wallet")
async def start(
    order_id: int, who: Customer, service: Here, request: Request, body: PayRequest | None = None
) -> dict[str, Any]:
    """`code_url` is scanned (wechat_native); `client` is for the customer's program: a signed call (jsapi, app),
    an address to open (h5, alipay_wap, alipay_page) or an order string (alipay_app). A wallet has paid at once."""
    wish = body or PayRequest()
    if wish.channel == "wallet":
        return shown(await wallet_pay.pay(service, who.user_id, order_id, now()))
    way = Way(wish.channel, wish.openid, client_ip(request))
    return shown(await pay(service, who.user_id, order_id, way, now()))


@router.get("/payments/{out_trade_no}", summary="How a payment stands")
async def show(out_trade_no: str, who: Who, service: Here) -> dict[str, Any]:
    async with service.db.read() as c:
        row = await repository.by_trade_no(c, out_trade_no[:64])
        if row is None or (who.role != "operator" and row.user_id != who.user_id):
            raise not_found("支付")
        backs = await refund_rows.of_payment(c, row.id)
    return {**shown(row), "refunds": [shown_refund(each) for each in backs]}


@router.get("/orders/{order_id}/payments", summary="All attempts to pay an order")
async def attempts(order_id: int, who: Who, service: Here) -> dict[str, Any]:
    async with service.db.read() as c:
        rows = await repository.attempts(c, order_id)
    mine = [row for row in rows if who.role == "operator" or row.user_id == who.user_id]
    if order_id < 1 or not mine:
        raise not_found("支付")
    return {"payments": [shown(row) for row in mine]}


@router.post("/payments/{out_trade_no}/refunds", status_code=202, summary="Give money of a payment back")
async def give_back(
    out_trade_no: str, who: Operator, service: Here, body: RefundRequest, key: IdempotencyKey
) -> dict[str, Any]:
    wish = refund_rows.Wish(f"by:{who.user_id}:{key}"[:80], body.amount_fen, body.reason, body.target)
    return shown_refund(await refunds.ask(service, out_trade_no[:64], wish, now()))


@router.post("/payments/wechat/notify", summary="WeChat Pay's notifications", status_code=204)
async def notified(request: Request, service: Here) -> Response:
    """Answers 204 when taken (also a second time), 4xx with `{"code": "FAIL"}` when not: WeChat repeats those."""
    try:
        await notices.take(service, "wechat_native", request.headers, await _raw(request), now())
    except NoticeRefused as error:
        return Json({"code": "FAIL", "message": str(error)}, 401)
    return Response(status_code=204)


@router.post("/payments/alipay/notify", summary="Alipay's notifications")
async def notified_by_alipay(request: Request, service: Here) -> Response:
    """Answers `success` when taken (also a second time), 401 `failure` when not: Alipay repeats those."""
    try:
        await notices.take(service, "alipay_app", request.headers, await _raw(request), now())
    except NoticeRefused:
        return Response("failure", 401, media_type="text/plain")
    return Response("success", media_type="text/plain")


async def _raw(request: Request) -> bytes:
    """The body's very bytes, of which there may not be many. Raises Problem 413."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_NOTICE:
            raise Problem(413, "too_large", "通知内容过大")
    return body


@inner.post("/refunds", status_code=202)
async def refund(body: RefundEvent, service: Here) -> dict[str, Any]:
    about = body.payload
    wish = refund_rows.Wish(f"refund:{body.id}", about.amount_fen, about.reason)
    status = await refunds.want(service, wish, about.out_trade_no, about.order_id, now())
    return {"refund_status": status}
