"""What a payment channel can do, and how it fails.

ChannelError
├── ChannelUnreachable   no answer, an answer in time that is an error of theirs, or one that is not signed by them
└── ChannelRefused       they say no: their code tells why
NoticeRefused            a notification that is not theirs, or not fresh
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

TradeState = Literal["open", "paid", "closed", "refunded"]
RefundState = Literal["processing", "done", "failed"]


class ChannelError(Exception):
    """A call to a channel failed; `code` is short and stable, for rows and metrics."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code[:64]


class ChannelUnreachable(ChannelError):
    """No answer that can be used; whether they did it is unknown."""


class ChannelRefused(ChannelError):
    """They refused, and did nothing."""


class NoticeRefused(Exception):
    """A notification is forged, damaged or stale."""


@dataclass(frozen=True)
class Prepay:
    """A trade to be opened. Money in fen, times in epoch seconds."""

    out_trade_no: str
    description: str
    amount_fen: int
    notify_url: str
    expires_at: int


@dataclass(frozen=True)
class Trade:
    """A trade as the channel knows it."""

    out_trade_no: str
    state: TradeState
    amount_fen: int
    transaction_id: str | None
    raw: Mapping[str, Any]


@dataclass(frozen=True)
class Refund:
    """A refund as the channel knows it."""

    out_refund_no: str
    out_trade_no: str
    state: RefundState
    amount_fen: int
    raw: Mapping[str, Any]


@dataclass(frozen=True)
class Notice:
    """A notification that was verified: exactly one of `trade` and `refund`, or neither when we don't know its kind."""

    event_id: str
    kind: str
    trade: Trade | None = None
    refund: Refund | None = None


class Channel(Protocol):
    """A payment channel through one of its hosts. All calls block, and raise ChannelError."""

    def prepay(self, order: Prepay) -> str: ...

    def query(self, out_trade_no: str) -> Trade: ...

    def close(self, out_trade_no: str) -> None: ...

    def refund(self, out_refund_no: str, out_trade_no: str, amount_fen: int, reason: str) -> Refund: ...

    def query_refund(self, out_refund_no: str) -> Refund: ...

    def read_notice(self, headers: Mapping[str, str], body: bytes, now: int) -> Notice: ...
