"""What an event does to an order's money: pure. `step` gives the amounts that its rule books, and the order after it.

Source of the split: the commission is the floor of price and coupon times the rate, the rest is the provider's;
a refund of part of what is earned takes the same part (floored) of commission and coupon back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from platform_app.settlement.facts import Fact

RATE_WHOLE = 10_000


@dataclass(frozen=True, slots=True)
class Book:
    """An order's money in fen: held for the customer, or earned and split. See tables.book."""

    order_id: int
    provider_id: int = 0
    held_fen: int = 0
    early_fen: int = 0
    earned_fen: int = 0
    coupon_fen: int = 0
    commission_fen: int = 0
    net_fen: int = 0
    frozen_fen: int = 0
    state: str = "open"
    available_at: int | None = None


@dataclass(frozen=True, slots=True)
class Around:
    """What the step must know beside the book: the trade's money left, the provider's accounts."""

    trade_left_fen: int = 0
    available_fen: int = 0
    debt_fen: int = 0
    hold_seconds: int = 0


Step = tuple[Book, Mapping[str, int]]


def step(book: Book, fact: Fact, around: Around) -> Step | None:
    """The book after an event and the amounts to be booked; None while something must come first."""
    return _STEPS[fact.kind](book, fact, around)


def _paid(book: Book, fact: Fact, around: Around) -> Step | None:
    return replace(book, held_fen=book.held_fen + fact.amount_fen), {"paid": fact.amount_fen}


def _completed(book: Book, fact: Fact, around: Around) -> Step | None:
    """The price is earned. What was refunded before (or told of before) is earned and given back in one."""
    short = max(0, fact.amount_fen - book.held_fen)
    if short > book.early_fen or book.state != "open":
        return None
    gross = fact.amount_fen + fact.coupon_fen
    commission = gross * fact.rate // RATE_WHOLE
    whole = replace(
        book,
        provider_id=fact.provider_id,
        held_fen=book.held_fen - (fact.amount_fen - short),
        earned_fen=fact.amount_fen,
        coupon_fen=fact.coupon_fen,
        commission_fen=commission,
        net_fen=gross - commission,
        state="pending",
        available_at=fact.at + around.hold_seconds,
    )
    after = _less(whole, _part(whole, short))
    split = {"coupon": after.coupon_fen, "commission": after.commission_fen, "net": after.net_fen}
    return after, {"price": after.earned_fen, **split}


@dataclass(frozen=True, slots=True)
class Part:
    """Part of what is earned, in fen: the customer's money, and commission, coupon and provider's share in it."""

    back: int
    commission: int
    coupon: int

    @property
    def share(self) -> int:
        return self.back + self.coupon - self.commission


def _part(book: Book, back: int) -> Part:
    if not back:
        return Part(0, 0, 0)
    return Part(back, book.commission_fen * back // book.earned_fen, book.coupon_fen * back // book.earned_fen)


def _less(book: Book, part: Part) -> Book:
    return replace(
        book,
        earned_fen=book.earned_fen - part.back,
        coupon_fen=book.coupon_fen - part.coupon,
        commission_fen=book.commission_fen - part.commission,
        net_fen=book.net_fen - part.share,
    )


def _refunded(book: Book, fact: Fact, around: Around) -> Step | None:
    amount = fact.amount_fen
    if around.trade_left_fen < amount or book.held_fen + book.earned_fen < amount:
        return None
    held = min(amount, book.held_fen)
    part = _part(book, amount - held)
    taken = _from_provider(book, part.share, around)
    after = replace(
        _less(book, part),
        held_fen=book.held_fen - held,
        early_fen=book.early_fen + (held if book.state == "open" else 0),
        frozen_fen=book.frozen_fen - taken["from_frozen"],
    )
    split = {"commission": part.commission, "coupon": part.coupon, **taken}
    return after, {"from_held": held, "refunded": amount, **split}


def _from_provider(book: Book, share: int, around: Around) -> dict[str, int]:
    """Whence the provider's part of a refund comes; what is not there any more he owes."""
    pending = share if book.state == "pending" else 0
    frozen = min(share - pending, book.frozen_fen)
    rest = share - pending - frozen
    available = min(rest, around.available_fen)
    return {"from_pending": pending, "from_frozen": frozen, "from_available": available, "owed": rest - available}


def _disputed(book: Book, fact: Fact, around: Around) -> Step | None:
    if book.state not in ("pending", "available"):
        return None
    pending = book.net_fen if book.state == "pending" else 0
    available = 0 if pending or book.state == "pending" else min(book.net_fen, around.available_fen)
    frozen = pending + available
    amounts = {"from_pending": pending, "from_available": available, "frozen": frozen}
    return replace(book, state="frozen", frozen_fen=frozen, available_at=None), amounts


def _dispute_resolved(book: Book, fact: Fact, around: Around) -> Step | None:
    if book.state != "frozen":
        return None
    return replace(book, state="available", frozen_fen=0), {"frozen": book.frozen_fen}


def released(book: Book, around: Around) -> Step:
    """The time is over: what is pending becomes available, less what the provider owes."""
    repaid = min(book.net_fen, around.debt_fen)
    amounts = {"net": book.net_fen, "repaid": repaid, "rest": book.net_fen - repaid}
    return replace(book, state="available", available_at=None), amounts


_STEPS = {
    "payment.succeeded": _paid,
    "order.completed": _completed,
    "order.disputed": _disputed,
    "order.dispute_resolved": _dispute_resolved,
    "payment.refunded": _refunded,
}
