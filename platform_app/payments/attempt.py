"""Paying: an attempt is a row before the channel is called, and ends as prepaid or failed.

An order may have several attempts open, one a channel; the first that is paid wins (settle.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError

from platform_app.kit.log import Log
from platform_app.kit.problem import Problem, not_found
from platform_app.kit.service import Service
from platform_app.payments import repository
from platform_app.payments.channel import ChannelError, ChannelUnreachable, Opened, Prepay
from platform_app.payments.room import Room

log = Log("payments.attempt")
FIRST_CHECK_SECONDS = 10
ABANDONED_SECONDS = 30
MOST_ATTEMPTS = 50


@dataclass(frozen=True)
class Bill:
    """What is to be paid: an order as orders shows it to payments, or a top-up. Money in fen, times in epoch seconds."""

    order_id: int
    no: str
    user_id: int
    amount_fen: int
    hold_until: int
    title: str


@dataclass(frozen=True)
class Way:
    """How it is to be paid. `openid`: whose WeChat (jsapi); `client_ip`: where the browser is (h5)."""

    channel: str
    openid: str = ""
    client_ip: str = "127.0.0.1"


async def pay(service: Service, user_id: int, order_id: int, way: Way, now: int) -> Row[Any]:
    """Opens a trade for an order and returns the attempt; one of that channel that is open is returned as it is.

    Raises Problem 404, 409, and 502 `channel_unreachable` or `channel_refused`, after which a new attempt is allowed.
    """
    return await pay_bill(service, await bill_of(service, user_id, order_id, now), way, now)


async def pay_bill(service: Service, bill: Bill, way: Way, now: int) -> Row[Any]:
    """The same for any bill."""
    async with service.db.read() as c:
        before = await repository.attempts(c, bill.order_id)
    check_free(before, now)
    for row in before:
        if row.status == "prepaid" and row.expires_at > now and row.channel == way.channel:
            return row
    room: Room = service.room
    row = await _begin(service, bill, way.channel, room.gateway.name(way.channel), next_number(before), now)
    wish = Prepay(row.out_trade_no, bill.title[:60], bill.amount_fen, bill.hold_until, way.openid, way.client_ip)
    try:
        opened = await room.gateway.call(way.channel, lambda c: c.prepay(wish))
    except ChannelError as error:
        await _failed(service, row, error, now)
        raise _problem(error, row) from error
    return await _prepaid(service, row, opened, now)


async def bill_of(service: Service, user_id: int, order_id: int, now: int) -> Bill:
    """What orders says is to be paid. Raises Problem 404, 409 `not_payable`, 503."""
    answer = await service.client.call("orders", "GET", f"/internal/orders/{order_id}")
    if answer.status == 404:
        raise not_found("订单")
    if not answer.ok:
        raise Problem(503, "upstream_unavailable", "订单服务暂时不可用", headers={"Retry-After": "2"})
    found = answer.json()
    if found["user_id"] != user_id:
        raise not_found("订单")
    if found["status"] != "held" or found["hold_until"] <= now:
        raise Problem(409, "not_payable", "订单已不能支付", order_status=found["status"])
    head = (found["id"], found["no"], found["user_id"], found["amount_fen"], found["hold_until"])
    return Bill(*head, f"家政服务-{found.get('service_name', '')}")


def check_free(before: Sequence[Row[Any]], now: int) -> None:
    """Raises Problem 409 when an attempt has paid already, or is just being opened."""
    if any(row.status in ("succeeded", "refunded") for row in before):
        raise Problem(409, "paid_already", "订单已支付")
    if before and before[0].status == "created" and now - before[0].created_at < ABANDONED_SECONDS:
        raise Problem(409, "payment_in_progress", "正在发起支付,请稍候", headers={"Retry-After": "1"})
    if len(before) >= MOST_ATTEMPTS:
        raise Problem(409, "too_many_attempts", "支付尝试次数过多,请重新下单")


def next_number(before: Sequence[Row[Any]]) -> int:
    return before[0].attempt + 1 if before else 1


async def _begin(service: Service, bill: Bill, channel: str, gateway: str, attempt: int, now: int) -> Row[Any]:
    values = {
        "order_id": bill.order_id,
        "attempt": attempt,
        "user_id": bill.user_id,
        "out_trade_no": f"{bill.no}{attempt:02d}",
        "channel": channel,
        "gateway": gateway,
        "amount_fen": bill.amount_fen,
        "created_at": now,
        "expires_at": bill.hold_until,
        "check_at": now + ABANDONED_SECONDS,
    }
    try:
        async with service.db.transaction() as c:
            await repository.add(c, values)
            row = await repository.by_trade_no(c, str(values["out_trade_no"]))
    except IntegrityError as error:
        raise Problem(409, "payment_in_progress", "正在发起支付,请稍候", headers={"Retry-After": "1"}) from error
    assert row is not None
    return row


async def _prepaid(service: Service, row: Row[Any], opened: Opened, now: int) -> Row[Any]:
    client = orjson.dumps(dict(opened.client)).decode() if opened.client else None
    async with service.db.transaction() as c:
        values = {"code_url": opened.code_url, "client": client, "check_at": now + FIRST_CHECK_SECONDS}
        if await repository.move(c, row.id, "prepaid", **values):
            body = {"code_url": opened.code_url}
            await repository.append(c, row.id, "prepaid", f"{row.out_trade_no}:prepaid", now, body)
        changed = await repository.by_trade_no(c, row.out_trade_no)
    room: Room = service.room
    room.figures.payments.labels(row.channel, row.gateway, "prepaid").inc()
    log.info("payment.prepaid", out_trade_no=row.out_trade_no, order_id=row.order_id, gateway=row.gateway)
    assert changed is not None
    return changed


async def _failed(service: Service, row: Row[Any], error: ChannelError, now: int) -> None:
    room: Room = service.room
    room.figures.payments.labels(row.channel, row.gateway, "failed").inc()
    facts = {"out_trade_no": row.out_trade_no, "order_id": row.order_id, "gateway": row.gateway}
    log.error("payment.failed", **facts, channel=row.channel, code=error.code, error=str(error))
    async with service.db.transaction() as c:
        values = {"failed_at": now, "failure": error.code, "check_at": None}
        if await repository.move(c, row.id, "failed", **values):
            body = {"code": error.code, "message": str(error)}
            await repository.append(c, row.id, "failed", f"{row.out_trade_no}:failed", now, body)


def _problem(error: ChannelError, row: Row[Any]) -> Problem:
    code = "channel_unreachable" if isinstance(error, ChannelUnreachable) else "channel_refused"
    extra = {"channel": row.channel, "gateway": row.gateway, "reason": error.code}
    return Problem(502, code, "支付渠道暂时不可用,请稍后再试", out_trade_no=row.out_trade_no, **extra)
