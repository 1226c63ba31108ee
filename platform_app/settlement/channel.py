"""What settlement asks of a channel: a day's bill, and transfers to providers.

ChannelFailed
├── ChannelSilent    no answer that can be used; whether they did it is unknown
└── ChannelRefused   they say no: `code` tells why
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from platform_app.settlement.bills import Bill

TransferState = Literal["open", "paid", "failed"]


class ChannelFailed(Exception):
    """A call to a channel failed; `code` is short and stable."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code[:64]


class ChannelSilent(ChannelFailed):
    """No usable answer."""


class ChannelRefused(ChannelFailed):
    """They refused, and did nothing."""


@dataclass(frozen=True)
class Transfer:
    """A transfer as the channel knows it; `failure` is theirs."""

    no: str
    state: TransferState
    amount_fen: int
    failure: str = ""


class Bills(Protocol):
    """Where a channel's bills come from. Blocking; raises ChannelFailed, or BillError when it cannot be read."""

    channel: str

    def bill(self, day: str) -> Bill: ...


class Transfers(Protocol):
    """Paying providers out. Blocking; raises ChannelFailed. The same number again is the same transfer."""

    channel: str

    def send(self, no: str, openid: str, amount_fen: int) -> Transfer: ...

    def ask(self, no: str) -> Transfer: ...
