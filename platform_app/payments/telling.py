"""Whom payments tells what, through the outbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.outbox import publish

HEARS = {"orders": "/internal/payments", "settlement": "/internal/events"}
"""Who hears of payments, and where."""

WINNERS = ("orders", "settlement")
ALL_MONEY = ("settlement",)
"""Orders hears only of the attempt that won; whoever keeps the books hears of all money."""


async def tell(
    c: AsyncConnection, kind: str, payload: Mapping[str, Any], to: tuple[str, ...], now: int, event_id: str
) -> None:
    """Publishes an event to those of `to` that hear of payments."""
    targets = tuple(name for name in to if name in HEARS)
    if targets:
        await publish(c, "payments", kind, payload, to=targets, now=now, event_id=event_id)


def facts(row: Row[Any], amount_fen: int, now: int) -> dict[str, Any]:
    """What every event of a payment carries."""
    names = ("order_id", "user_id", "out_trade_no", "channel")
    return {**{name: getattr(row, name) for name in names}, "amount_fen": amount_fen, "at": now}
