"""Alertmanager's webhook, its exact JSON. Source: alertmanager notify/webhook and template.Data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from opsctl.alerts.batch import Batch
from opsctl.alerts.receiver import Channel, HttpReceiver, Request
from opsctl.model.alert import Alert
from opsctl.model.person import Person

_AGENT = {"Content-Type": "application/json", "User-Agent": "Alertmanager/0.34.0"}


@dataclass(frozen=True, kw_only=True)
class Webhook(HttpReceiver):
    """Posts batches to a URL. `max_alerts` 0 means all; `again`: a refused batch is tried at the group's next flush."""

    url: str
    name: str
    send_resolved: bool = True
    max_alerts: int = 0
    timeout: float = 0.0
    again: bool = True
    kind: str = "webhook"

    @property
    def channel(self) -> Channel:
        return Channel(name=self.name, lanes=16, timeout=self.timeout or 30.0, again=self.again)

    def addressed(self, person: Person) -> Webhook:
        """As Personal: the body's receiver names the person."""
        return replace(self, again=False)

    def messages(self, batch: Batch, now: float, key: str) -> tuple[Request, ...]:
        return (Request("POST", self.url, orjson.dumps(payload(batch, self.max_alerts)) + b"\n", _AGENT),)


def payload(batch: Batch, max_alerts: int = 0) -> dict[str, Any]:
    """The body of version 4."""
    shown = batch.alerts[:max_alerts] if max_alerts else batch.alerts
    return {
        "receiver": batch.receiver,
        "status": batch.status,
        "alerts": [_alert(a) for a in shown],
        "groupLabels": dict(batch.group_labels),
        "commonLabels": _common([dict(a.labels) for a in shown]),
        "commonAnnotations": _common([dict(a.annotations) for a in shown]),
        "externalURL": batch.external_url,
        "version": "4",
        "groupKey": batch.group_key,
        "truncatedAlerts": len(batch.alerts) - len(shown),
    }


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "status": "firing" if alert.ends_at is None else "resolved",
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": go_time(alert.starts_at),
        "endsAt": "0001-01-01T00:00:00Z" if alert.ends_at is None else go_time(alert.ends_at),
        "generatorURL": alert.generator_url,
        "fingerprint": alert.fingerprint,
    }


def _common(sets: list[dict[str, str]]) -> dict[str, str]:
    first = sets[0] if sets else {}
    return {k: v for k, v in first.items() if all(s.get(k) == v for s in sets)}


def go_time(at: float) -> str:
    """Epoch seconds as Go marshals a time: RFC 3339, zeros after the last digit dropped."""
    text = datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").removesuffix("+00:00")
    return text.rstrip("0").rstrip(".") + "Z" if "." in text else text + "Z"
