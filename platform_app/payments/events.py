"""What the events of an attempt add up to: its state and its money, from nothing else. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from platform_app.payments.repository import TRANSITIONS


@dataclass(frozen=True)
class Event:
    """An event as it was appended."""

    kind: str
    body: Mapping[str, Any]


@dataclass
class Computed:
    """An attempt as its events tell it. `refunds`: number → (state, fen)."""

    amount_fen: int
    status: str = ""
    refunds: dict[str, tuple[str, int]] = field(default_factory=dict)

    @property
    def refunded_fen(self) -> int:
        return sum(fen for state, fen in self.refunds.values() if state == "done")

    @property
    def reserved_fen(self) -> int:
        return sum(fen for state, fen in self.refunds.values() if state != "refused")


def fold(out_trade_no: str, amount_fen: int, events: Iterable[Event]) -> Computed:
    """The events of an attempt, in the order of their ids. `amount_fen`, `out_trade_no`: for events of before these
    were written into them, when a refund was always whole."""
    state = Computed(amount_fen)
    for event in events:
        if event.kind == "created":
            state.status, state.amount_fen = "created", int(event.body.get("amount_fen", amount_fen))
        elif event.kind in _REFUNDS:
            _refund(state, event, out_trade_no)
        elif event.kind in TRANSITIONS and state.status in TRANSITIONS[event.kind]:
            state.status = event.kind
    return state


_REFUNDS = {"refund_wanted": "wanted", "refund_sent": "sent", "refunded": "done", "refund_refused": "refused"}


def _refund(state: Computed, event: Event, out_trade_no: str) -> None:
    number = str(event.body.get("out_refund_no") or f"R{out_trade_no}")
    before, fen = state.refunds.get(number, ("", state.amount_fen))
    fen = int(event.body.get("amount_fen", fen)) if event.kind != "refund_sent" else fen
    if before != "done":
        state.refunds[number] = (_REFUNDS[event.kind], fen)
    if state.refunded_fen >= state.amount_fen and state.status in TRANSITIONS["refunded"]:
        state.status = "refunded"
