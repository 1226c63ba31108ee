"""A batch: what one flush of one group tells one receiver. The time of the flush travels with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, cmp_to_key
from typing import Any

from opsctl.model.alert import Alert
from opsctl.model.labels import Labels


@dataclass(frozen=True)
class LinkSet:
    """The links of one message; '' where one is not offered."""

    ack: str = ""
    silence: str = ""
    details: str = ""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Alerts of one group, sorted; a firing one has no `ends_at`. `acked`: fingerprint → who acknowledged it.

    `cause`: why it is told, as dedup.py says it. `route_labels`: name → template, of the group's route.
    `digest`: many groups in one message. `flapping`: fingerprint → how often it has fired lately. `personal`: to each
    person that a channel addresses, links of his own. `note`: why this channel tells it, when that needs saying.
    """

    receiver: str
    group_key: str
    group_labels: Labels
    alerts: tuple[Alert, ...]
    now: float
    external_url: str = ""
    ack_url: str = ""
    silence_url: str = ""
    details_url: str = ""
    acked: tuple[tuple[str, str], ...] = ()
    on_call: tuple[str, ...] = ()
    personal: tuple[tuple[str, LinkSet], ...] = ()
    test: bool = False
    cause: str = ""
    route_labels: tuple[tuple[str, str], ...] = ()
    digest: bool = False
    flapping: tuple[tuple[str, int], ...] = ()
    note: str = ""

    @cached_property
    def firing(self) -> tuple[Alert, ...]:
        return tuple(a for a in self.alerts if a.ends_at is None)

    @cached_property
    def resolved(self) -> tuple[Alert, ...]:
        return tuple(a for a in self.alerts if a.ends_at is not None)

    @property
    def status(self) -> str:
        return "firing" if self.firing else "resolved"

    @cached_property
    def severity(self) -> str:
        """The worst severity in the batch: critical, warning, info or ''."""
        found = {a.labels.get("severity", "") for a in (self.firing or self.alerts)}
        return next((s for s in ("critical", "warning", "info") if s in found), "")

    def only_firing(self) -> Batch:
        return replace(self, alerts=self.firing)

    def over(self, older: Batch) -> Batch:
        """This batch with what an older, never sent one still had to tell: alerts that have since left the group."""
        known = {a.fingerprint for a in self.alerts}
        kept = tuple(a for a in older.resolved if a.fingerprint not in known)
        return replace(self, alerts=sort_alerts((*self.alerts, *kept)))


def sort_alerts(alerts: Sequence[Alert]) -> tuple[Alert, ...]:
    """By job, instance, then all labels; those without job or instance last. Source: alertmanager types.AlertSlice."""
    return tuple(sorted(alerts, key=_order)) if len(alerts) > 1 else tuple(alerts)


def _order(alert: Alert) -> tuple[Any, ...]:
    job, instance = alert.labels.get("job", ""), alert.labels.get("instance", "")
    return (job == "", job, instance == "", instance, label_order(alert.labels))


def _compare(one: Labels, other: Labels) -> int:
    if len(one) != len(other):
        return len(one) - len(other)
    for name in sorted({*one, *other}):
        if name not in one or name not in other:
            return -1 if name not in one else 1
        if one[name] != other[name]:
            return -1 if one[name] < other[name] else 1
    return 0


label_order = cmp_to_key(_compare)
"""Sort key of a label set: fewer labels first. Source: prometheus/common model.LabelSet.Before."""


def alert_json(alert: Alert) -> dict[str, Any]:
    """An alert as our store keeps it."""
    return {
        "labels": alert.labels.plain, "annotations": alert.annotations.plain, "starts_at": alert.starts_at,
        "ends_at": alert.ends_at, "updated_at": alert.updated_at, "generator_url": alert.generator_url,
    }  # fmt: skip


def alert_of(data: dict[str, Any]) -> Alert:
    """The reverse of `alert_json`."""
    return Alert(**{**data, "labels": Labels(data["labels"]), "annotations": Labels(data["annotations"])})


def batch_json(batch: Batch) -> dict[str, Any]:
    """A batch as the delivery log keeps it, without what is added at the time of sending."""
    return {
        "receiver": batch.receiver, "group_key": batch.group_key, "group_labels": batch.group_labels.plain,
        "alerts": [alert_json(a) for a in batch.alerts], "now": batch.now, "test": batch.test,
        "route_labels": batch.route_labels,
        "digest": batch.digest, "flapping": batch.flapping, "note": batch.note,
    }  # fmt: skip


def batch_of(data: dict[str, Any]) -> Batch:
    """The reverse of `batch_json`."""
    alerts = tuple(alert_of(a) for a in data["alerts"])
    route_labels = tuple((str(k), str(v)) for k, v in data.get("route_labels", ()))
    flapping = tuple((str(f), int(n)) for f, n in data.get("flapping", ()))
    labels = Labels(data["group_labels"])
    return Batch(
        **{**data, "group_labels": labels, "alerts": alerts, "route_labels": route_labels, "flapping": flapping}
    )
