"""The life of an order: the one table of what may become what.

held → paid → accepted → completed; held → cancelled | expired; paid, accepted → refunding → refunded.
A payment that comes late finds the order expired or cancelled: it takes its slots again (reclaim) or is refunded.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Transition:
    """From which states, to which; the column that is stamped; whether the slots become free."""

    sources: tuple[str, ...]
    target: str
    stamp: str = ""
    frees: bool = False


TRANSITIONS = {
    "pay": Transition(("held",), "paid", "paid_at"),
    "reclaim": Transition(("expired",), "paid", "paid_at"),
    "expire": Transition(("held",), "expired", "cancelled_at", frees=True),
    "cancel": Transition(("held",), "cancelled", "cancelled_at", frees=True),
    "cancel_paid": Transition(("paid", "accepted"), "refunding", "cancelled_at", frees=True),
    "refund_late": Transition(("expired", "cancelled"), "refunding"),
    "refunded": Transition(("refunding",), "refunded"),
    "accept": Transition(("paid",), "accepted", "accepted_at"),
    "complete": Transition(("accepted",), "completed", "completed_at", frees=True),
}

STATUSES = ("held", "paid", "accepted", "completed", "cancelled", "expired", "refunding", "refunded")
