"""A delivery: one batch on its way to one integration, and its place in the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Any

from opsctl.alerts.batch import Batch
from opsctl.alerts.dedup import Entry, entry_of
from opsctl.core.clock import iso
from opsctl.core.copied import copied

PENDING, SENDING, SENT, FAILED, SUPERSEDED = "pending", "sending", "sent", "failed", "superseded"
OPEN = (PENDING, SENDING)
BY_HAND = "retried by hand"
"""The cause of a delivery that somebody sends once more, whatever the notification log says."""
_RANK = {"critical": 1, "warning": 1}
Place = tuple[str, str]
"""Whom a delivery tells of what: (group key, integration key)."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A row of the delivery log. `part`: the next message of the batch to send; `next_at`: not before then."""

    id: int
    created_at: float
    channel: str
    integration: str
    batch: Batch
    cause: str
    status: str = PENDING
    attempts: int = 0
    part: int = 0
    next_at: float = 0.0
    reason: str = ""
    possibly_repeated: bool = False
    sent_at: float | None = None
    superseded_by: int | None = None

    @property
    def place(self) -> Place:
        return self.batch.group_key, self.integration

    @cached_property
    def intended(self) -> Entry:
        """What its integration will know once it is sent; never due for a repeat."""
        return entry_of(self.batch, float("inf"))

    @property
    def key(self) -> str:
        """The same at each try of the same content, for channels that know a message by a key."""
        return f"opsctl-{self.id}-{self.part}-{round(self.batch.now * 1000)}"

    @property
    def rank(self) -> int:
        """0 goes before 1 goes before 2."""
        return 0 if self.urgent else _RANK.get(self.batch.severity, 2)

    @property
    def urgent(self) -> bool:
        """Whether it may use what is kept of the rate: something critical fires, or somebody waits at a terminal."""
        return self.batch.test or (bool(self.batch.firing) and self.batch.severity == "critical")

    def on(self, channel: str) -> Delivery:
        """The same by another channel; itself when it is its own."""
        return self if channel == self.channel else copied(self, channel=channel)

    def json(self) -> dict[str, Any]:
        """The row as API and CLI show it."""
        return {
            "id": self.id, "createdAt": iso(self.created_at), "receiver": self.batch.receiver,
            "integration": self.integration, "status": self.status, "cause": self.cause, "attempts": self.attempts,
            "reason": self.reason, "possiblyRepeated": self.possibly_repeated, "test": self.batch.test,
            "sentAt": iso(self.sent_at) if self.sent_at else None,
            "nextAt": iso(self.next_at) if self.status == PENDING and self.next_at else None,
            "supersededBy": self.superseded_by, "groupKey": self.batch.group_key,
            "groupLabels": dict(self.batch.group_labels), "state": self.batch.status,
            "severity": self.batch.severity, "firing": [a.fingerprint for a in self.batch.firing],
            "resolved": [a.fingerprint for a in self.batch.resolved],
            "alerts": sorted({a.name for a in self.batch.alerts}),
        }  # fmt: skip


def absorb(older: Delivery, newer: Delivery) -> Delivery:
    """The older delivery, not yet sent, telling what the newer has to tell; it keeps its number and its turn.

    Nothing that was never told is lost: alerts that resolved meanwhile stay in the batch.
    """
    repeated = older.possibly_repeated or newer.possibly_repeated
    kept = min(older.next_at, newer.next_at) if older.attempts == 0 else older.next_at
    return replace(
        older, batch=newer.batch.over(older.batch), cause=newer.cause, possibly_repeated=repeated, next_at=kept
    )


def idle(delivery: Delivery) -> bool:
    """Whether no part of it is sent or on its way."""
    return delivery.status == PENDING and delivery.part == 0


def coalesce(waiting: Sequence[Delivery]) -> list[Delivery]:
    """What changes when one group has several messages waiting for one integration: the oldest tells all.

    Returns the rows that it took over, then itself; nothing when there is nothing to join.
    """
    free = [d for d in waiting if idle(d)]
    if len(free) < 2:
        return []
    first, *rest = free
    gone = [replace(d, status=SUPERSEDED, superseded_by=first.id, reason=f"told by #{first.id}") for d in rest]
    return [*gone, reduce(absorb, rest, first)]


def back_off(attempts: int, jitter: float) -> float:
    """Seconds before the next try: 0.5 × 1.5ⁿ up to a minute, ± half (`jitter` in 0…1).

    Source: cenkalti/backoff defaults, which Alertmanager uses.
    """
    base: float = min(60.0, 0.5 * 1.5 ** max(0, min(attempts, 40) - 1))
    return base * (0.5 + jitter)
