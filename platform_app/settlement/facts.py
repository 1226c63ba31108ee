"""What settlement takes from its neighbours' events: read once, bounded, the same for ever after.

From payments: `payment.succeeded`, `payment.refunded` {order_id, user_id, out_trade_no, amount_fen, channel,
out_refund_no?, target?: wallet}, `wallet.topped_up` {user_id, out_trade_no, amount_fen, channel}.
From orders: `order.completed` {order_id, provider_id, amount_fen, service_id?, coupon_fen?}, `order.disputed`,
`order.dispute_resolved` {order_id}.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import orjson

KINDS = (
    "payment.succeeded",
    "order.completed",
    "order.disputed",
    "order.dispute_resolved",
    "payment.refunded",
    "wallet.topped_up",
)
"""In the order in which those of one order that wait are tried."""

MOST_FEN = 100_000_000_000


@dataclasses.dataclass(frozen=True, slots=True)
class Fact:
    """An event of a neighbour. `order_id` 0: about no order. `rate`: the commission in 1/10000."""

    event_id: str
    kind: str
    order_id: int
    at: int
    amount_fen: int = 0
    coupon_fen: int = 0
    channel: str = ""
    trade_no: str = ""
    refund_no: str = ""
    user_id: int = 0
    provider_id: int = 0
    service_id: int = 0
    rate: int = 0

    def text(self) -> str:
        """As it is kept; `kept` reads it."""
        return orjson.dumps(dataclasses.asdict(self)).decode()


def family(channel: str) -> str:
    """The account behind a way to pay: wechat_native, wechat_h5 … are one merchant's account, and one bill."""
    return channel.partition("_")[0]


def _channel(payload: Mapping[str, Any]) -> str:
    """Whose money it is; a refund may go to the wallet instead of the way back that it came."""
    named = family(_name(payload, "channel", 32))
    return "wallet" if payload.get("target") == "wallet" else named


def kept(text: str) -> Fact:
    return Fact(**orjson.loads(text))


def read(event_id: str, kind: str, at: int, payload: Mapping[str, Any]) -> Fact:
    """An event as a fact. Raises ValueError when something is missing or out of bounds."""
    if not 0 < len(event_id) <= 80:
        raise ValueError("event id of 1 to 80 characters expected")
    trade = _name(payload, "out_trade_no") if kind.startswith(("payment.", "wallet.")) else ""
    money = kind not in ("order.disputed", "order.dispute_resolved")
    return Fact(
        event_id=event_id,
        kind=kind,
        order_id=0 if kind.startswith("wallet.") else _whole(payload, "order_id", 1),
        at=at,
        amount_fen=_whole(payload, "amount_fen", 1, MOST_FEN) if money else 0,
        coupon_fen=_whole(payload, "coupon_fen", 0, MOST_FEN, 0) if kind == "order.completed" else 0,
        channel=_channel(payload) if trade else "",
        trade_no=trade,
        refund_no=str(payload.get("out_refund_no") or f"R{trade}")[:64] if kind == "payment.refunded" else "",
        user_id=_whole(payload, "user_id", 0, default=0),
        provider_id=_whole(payload, "provider_id", 1) if kind == "order.completed" else 0,
        service_id=_whole(payload, "service_id", 0, default=0),
    )


def _whole(payload: Mapping[str, Any], key: str, least: int, most: int = 1 << 62, default: int | None = None) -> int:
    value = payload.get(key, default)
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{key}: a whole number from {least} to {most} expected, not {value!r}")
    return value


def _name(payload: Mapping[str, Any], key: str, longest: int = 64) -> str:
    value = payload.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise ValueError(f"{key}: text of 1 to {longest} characters expected")
    return value
