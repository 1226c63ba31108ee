"""The webhook's body of version 4, written straight: the same bytes as by way of templates, at a tenth of the cost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from opsctl.alerts.batch import Batch
from opsctl.alerts.notification_data import common, quoted
from opsctl.gotemplate.gojson import escaped_html
from opsctl.model.alert import Alert


def plain_body(batch: Batch, max_alerts: int = 0) -> bytes:
    """The bytes that a batch is posted as; of its alerts the first `max_alerts` (0: all)."""
    shown = batch.alerts[:max_alerts] if max_alerts else batch.alerts
    made = {
        "receiver": quoted(batch.receiver),
        "status": "firing" if any(a.ends_at is None for a in shown) else "resolved",
        "alerts": [_alert(a) for a in shown],
        "groupLabels": batch.group_labels.plain,
        "commonLabels": _common([a.labels.plain for a in shown]),
        "commonAnnotations": _common([a.annotations.plain for a in shown]),
        "externalURL": batch.external_url,
        "version": "4",
        "groupKey": batch.group_key,
        "truncatedAlerts": len(batch.alerts) - len(shown),
    }
    return escaped_html(orjson.dumps(made)) + b"\n"


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "status": "firing" if alert.ends_at is None else "resolved",
        "labels": alert.labels.plain,
        "annotations": alert.annotations.plain,
        "startsAt": _time(alert.starts_at),
        "endsAt": "0001-01-01T00:00:00Z" if alert.ends_at is None else _time(alert.ends_at),
        "generatorURL": alert.generator_url,
        "fingerprint": alert.fingerprint,
    }


def _common(sets: list[Mapping[str, str]]) -> Mapping[str, str]:
    return sets[0] if len(sets) == 1 else common(sets)


def _time(at: float) -> str:
    """RFC 3339, zeros after the last digit dropped."""
    text = datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")[:-6]
    return text.rstrip("0").rstrip(".") + "Z"
