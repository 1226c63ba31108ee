"""What a payment channel can do, and how it fails.

ChannelError
├── ChannelUnreachable   no answer, an answer in time that is an error of theirs, or one that is not signed by them
└── ChannelRefused       they say no: their code tells why
NoticeRefused            a notification that is not theirs, or not fresh
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

NO_TRADE, NO_REFUND = "no_trade", "no_refund"
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
    """A trade to be opened. Money in fen, times in epoch seconds. `openid`: who pays (jsapi); `client_ip` (h5)."""

    out_trade_no: str
    description: str
    amount_fen: int
    expires_at: int
    openid: str = ""
    client_ip: str = "127.0.0.1"


@dataclass(frozen=True)
class Opened:
    """What the customer's program needs to pay: a code to scan, or what its SDK or browser is given."""

    code_url: str | None = None
    client: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RefundWish:
    """Money to be given back; `total_fen` is what the whole trade was."""

    out_refund_no: str
    out_trade_no: str
    amount_fen: int
    total_fen: int
    reason: str


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
    """A notification that was verified: at most one of `trade`, `refund` and `ask` (a refund to be asked about)."""

    event_id: str
    kind: str
    trade: Trade | None = None
    refund: Refund | None = None
    ask: str = ""


class Channel(Protocol):
    """A payment channel through one of its hosts. All calls block, and raise ChannelError.

    A trade that the channel does not know is ChannelRefused with the code NO_TRADE, an unknown refund NO_REFUND.
    """

    def prepay(self, order: Prepay) -> Opened: ...

    def query(self, out_trade_no: str) -> Trade: ...

    def close(self, out_trade_no: str) -> None: ...

    def refund(self, wish: RefundWish) -> Refund: ...

    def query_refund(self, out_refund_no: str, out_trade_no: str) -> Refund: ...

    def read_notice(self, headers: Mapping[str, str], body: bytes, now: int) -> Notice: ...
