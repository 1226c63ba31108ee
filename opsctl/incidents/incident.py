"""What an incident is: a key, the alerts that belong to it, a timeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

SEVERITIES = ("critical", "warning", "info")
"""Worst first."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """One alert of an incident. `missing_since`: not listed any more since then; `ended_at`: that was its end."""

    fingerprint: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: float
    missing_since: float | None = None
    ended_at: float | None = None


@dataclass(frozen=True, kw_only=True)
class Incident:
    """`id` 0 is one not yet written. Times are epoch seconds; `opened_at` is when its first alert began to fire."""

    id: int
    key: Mapping[str, str]
    title: str
    severity: str
    opened_at: float
    runbook: str = ""
    acked_at: float | None = None
    acked_by: str = ""
    closed_at: float | None = None
    reopened: int = 0
    members: tuple[Member, ...] = ()

    @property
    def open(self) -> bool:
        return self.closed_at is None

    @property
    def mtta(self) -> float | None:
        """Seconds from the first alert to the first acknowledgement."""
        return None if self.acked_at is None else max(0.0, self.acked_at - self.opened_at)

    @property
    def mttr(self) -> float | None:
        """Seconds from the first alert to the end of the last."""
        return None if self.closed_at is None else max(0.0, self.closed_at - self.opened_at)

    def member(self, fingerprint: str) -> Member | None:
        return next((m for m in self.members if m.fingerprint == fingerprint), None)

    def with_member(self, member: Member) -> Incident:
        others = tuple(m for m in self.members if m.fingerprint != member.fingerprint)
        return replace(self, members=(*others, member))


Kind = Literal[
    "fired", "delivered", "not delivered", "acknowledged", "runbook", "resolved", "closed", "reopened", "note"
]


@dataclass(frozen=True, kw_only=True)
class Moment:
    """An entry of the timeline. `source` names where it comes from, so that it is entered once."""

    source: str
    at: float
    kind: Kind
    zh: str
    en: str
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Chinese first, English beside it, once where they are the same."""
        return self.zh if self.zh == self.en or not self.en else f"{self.zh} / {self.en}"
