"""An incident as the API, the command line and pages show it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from opsctl.incidents.incident import Incident, Moment


def brief(incident: Incident) -> dict[str, Any]:
    """Times are epoch seconds, `mtta` and `mttr` seconds."""
    return {
        "id": incident.id, "key": dict(incident.key), "title": incident.title, "severity": incident.severity,
        "state": "open" if incident.open else "closed", "opened_at": incident.opened_at, "acked_at": incident.acked_at,
        "acked_by": incident.acked_by, "closed_at": incident.closed_at, "reopened": incident.reopened,
        "mtta": incident.mtta, "mttr": incident.mttr, "runbook": incident.runbook,
        "firing": sum(m.ended_at is None for m in incident.members), "alerts": len(incident.members),
    }  # fmt: skip


def whole(incident: Incident, timeline: Sequence[Moment]) -> dict[str, Any]:
    """With its alerts and its timeline, in order of time."""
    return {
        **brief(incident),
        "members": [asdict(m) for m in incident.members],
        "timeline": [
            {"at": m.at, "kind": m.kind, "text": m.text, "zh": m.zh, "en": m.en, "data": dict(m.data)} for m in timeline
        ],
    }
