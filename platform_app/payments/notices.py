"""Notifications of the channels: verified on their raw bytes, fresh, taken once, in whatever order they come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.log import Log
from platform_app.kit.service import Service
from platform_app.payments import refund_rows, repository
from platform_app.payments.channel import ChannelRefused, Notice, NoticeRefused
from platform_app.payments.room import Room
from platform_app.payments.settle import take_refund, take_trade

log = Log("payments.notices")


async def take(service: Service, channel: str, headers: Mapping[str, str], body: bytes, now: int) -> None:
    """Takes a notification. Raises NoticeRefused when it is forged, stale, or about nothing of ours."""
    room: Room = service.room
    try:
        notice = room.gateway.channel(channel).read_notice(headers, body, now)
    except (NoticeRefused, ChannelRefused) as error:
        room.figures.notices.labels("refused").inc()
        log.warning("notice.refused", error=str(error))
        raise NoticeRefused(str(error)) from error
    outcome, row = await _apply(service, notice, channel, now)
    room.figures.notices.labels("taken" if outcome in ("twice", "told") else outcome).inc()
    number = row.out_trade_no if row is not None else None
    log.info("notice.taken", notice=notice.event_id, kind=notice.kind, out_trade_no=number, outcome=outcome)
    if row is not None and notice.trade is not None:
        room.figures.came(row, outcome)
    elif outcome == "taken" and notice.refund is not None:
        room.figures.refunds.labels("done").inc()
    if outcome in ("mismatch", "unknown"):
        raise NoticeRefused("amount does not match" if outcome == "mismatch" else "no such payment")


async def _apply(service: Service, notice: Notice, channel: str, now: int) -> tuple[str, Row[Any] | None]:
    about = notice.trade or notice.refund
    if about is None:
        return "repeated", None  # a kind that concerns nothing of ours; saying so stops the repeats
    async with service.db.transaction() as c:
        row = await repository.by_trade_no(c, about.out_trade_no)
        if row is None or row.channel.partition("_")[0] != channel.partition("_")[0]:
            return "unknown", None
        outcome = await _settle(c, row, notice, now)
        if notice.ask:
            await refund_rows.poke(c, notice.ask, now)  # last: payments are locked before their refunds
        return outcome, row


async def _settle(c: AsyncConnection, row: Row[Any], notice: Notice, now: int) -> str:
    if notice.trade is not None and notice.trade.state in ("paid", "refunded"):
        return await take_trade(c, row, notice.trade, notice.event_id, now)
    if notice.refund is not None and notice.refund.state == "done":
        return await take_refund(c, row, notice.refund, notice.event_id, now)
    known = await repository.append(c, row.id, notice.kind.lower()[:32] or "notice", notice.event_id, now)
    return "told" if known else "repeated"
