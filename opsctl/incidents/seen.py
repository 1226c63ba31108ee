"""What one poll saw: alerts, acknowledgements, deliveries, and what runbooks did. Frozen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from opsctl.core.clock import parse_iso


@dataclass(frozen=True, kw_only=True)
class SeenAlert:
    """A firing alert; `quiet` while a silence, an inhibition or a mute keeps it from being told."""

    fingerprint: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: float
    quiet: bool = False


@dataclass(frozen=True, kw_only=True)
class SeenAck:
    fingerprint: str
    who: str
    via: str
    comment: str
    at: float


@dataclass(frozen=True, kw_only=True)
class SeenDelivery:
    """A message that was sent or has failed; `fingerprints` of the alerts that it told of."""

    id: int
    receiver: str
    integration: str
    sent: bool
    state: str
    at: float
    reason: str
    fingerprints: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class SeenRun:
    """Something that happened in a run of a runbook for an alert."""

    id: int
    run: str
    runbook: str
    fingerprint: str
    dry_run: bool
    at: float
    kind: str
    step: str
    zh: str
    en: str

    @property
    def worth_telling(self) -> bool:
        """A timeline has no room for what was skipped, nor for each step of a dry run."""
        return self.kind != "step skipped" and not (self.dry_run and self.step)


@dataclass(frozen=True, kw_only=True)
class Seen:
    alerts: tuple[SeenAlert, ...] = ()
    acks: tuple[SeenAck, ...] = ()
    deliveries: tuple[SeenDelivery, ...] = ()
    runs: tuple[SeenRun, ...] = ()


def alerts_of(found: Iterable[Mapping[str, Any]]) -> tuple[SeenAlert, ...]:
    """From Alertmanager's GET /api/v2/alerts."""
    return tuple(
        SeenAlert(
            fingerprint=a["fingerprint"], labels=a["labels"], annotations=a.get("annotations", {}),
            starts_at=parse_iso(a["startsAt"]), quiet=a.get("status", {}).get("state") == "suppressed",
        )
        for a in found
    )  # fmt: skip


def acks_of(found: Iterable[Mapping[str, Any]]) -> tuple[SeenAck, ...]:
    """From the alerting process' GET /api/opsctl/v1/acks."""
    return tuple(
        SeenAck(
            fingerprint=a["fingerprint"],
            who=a["who"],
            via=a["via"],
            comment=a.get("comment", ""),
            at=parse_iso(a["at"]),
        )
        for a in found
    )


def deliveries_of(found: Iterable[Mapping[str, Any]]) -> tuple[SeenDelivery, ...]:
    """From the alerting process' GET /api/opsctl/v1/deliveries; those on their way and test messages are left out."""
    return tuple(
        SeenDelivery(
            id=d["id"], receiver=d["receiver"], integration=d["integration"], sent=d["status"] == "sent",
            state=d.get("state", ""), at=parse_iso(d.get("sentAt") or d["createdAt"]), reason=d.get("reason", ""),
            fingerprints=frozenset(d.get("firing", ())) | frozenset(d.get("resolved", ())),
        )
        for d in found
        if d["status"] in ("sent", "failed") and not d.get("test")
    )  # fmt: skip
