"""What API v2 shows: alerts, groups, silences as JSON. Source: alertmanager api/v2/openapi.yaml, compat.go."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from starlette.responses import Response

from opsctl.alerts.silence import Silence, matcher_json
from opsctl.core.clock import iso
from opsctl.flows.alerting import Alerting
from opsctl.model.alert import Alert
from opsctl.model.labels import Labels


def answer(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value) + b"\n", status, media_type="application/json")


def receivers_of(alerting: Alerting, labels: Labels) -> list[str]:
    """One a matching route, so a receiver may stand there twice, as in Alertmanager."""
    return [r.receiver for r in alerting.dispatcher.root.match(labels)]


def gettable(
    alerting: Alerting, alert: Alert, now: float, receivers: Iterable[str], muted: tuple[str, ...] = ()
) -> dict[str, Any]:
    """An alert as GET shows it, with its state now. `muted`: the intervals that keep its group quiet."""
    silenced, inhibited = alerting.silenced_by(alert, now), alerting.inhibited_by(alert, now)
    origin = {"generatorURL": alert.generator_url} if alert.generator_url else {}
    return {
        "annotations": dict(alert.annotations),
        "endsAt": iso(alert.ends_at if alert.ends_at is not None else now),
        "fingerprint": alert.fingerprint,
        "receivers": [{"name": r} for r in receivers],
        "startsAt": iso(alert.starts_at),
        "status": {
            "inhibitedBy": list(inhibited), "mutedBy": list(muted), "silencedBy": list(silenced),
            "state": "suppressed" if silenced or inhibited or muted else "active",
        },
        "updatedAt": iso(alert.updated_at),
        **origin,
        "labels": dict(alert.labels),
    }  # fmt: skip


def silence_shown(silence: Silence, now: float) -> dict[str, Any]:
    notes = {"annotations": dict(silence.annotations)} if silence.annotations else {}
    return {
        "id": silence.id, "status": {"state": silence.state(now)}, "updatedAt": iso(silence.updated_at), **notes,
        "comment": silence.comment, "createdBy": silence.created_by, "endsAt": iso(silence.ends_at),
        "matchers": [matcher_json(m) for m in silence.matchers], "startsAt": iso(silence.starts_at),
    }  # fmt: skip


def silence_order(silence: Silence, now: float) -> tuple[int, float]:
    """Active ones by their end, pending ones by their start, expired ones the latest first."""
    state = silence.state(now)
    if state == "active":
        return 0, silence.ends_at
    return (1, silence.starts_at) if state == "pending" else (2, -silence.ends_at)
