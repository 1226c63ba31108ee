"""Figures by week, from Monday in Shanghai."""

from __future__ import annotations

from opsctl.core.clock import parse_iso
from opsctl.incidents.incident import Incident
from opsctl.incidents.stats import stats

NOW = parse_iso("2026-11-25T12:00:00+08:00")


def incident(opened: str, acked: float | None = None, closed: float | None = None) -> Incident:
    at = parse_iso(opened)
    return Incident(
        id=1, key={}, title="t", severity="critical", opened_at=at,
        acked_at=None if acked is None else at + acked, closed_at=None if closed is None else at + closed,
    )  # fmt: skip


def test_by_week() -> None:
    found = [
        incident("2026-11-22T23:59:00+08:00", 10, 100),
        incident("2026-11-23T00:00:00+08:00", 20, 200),
        incident("2026-11-24T00:00:00+08:00", 40),
        incident("2026-11-24T01:00:00+08:00"),
    ]
    made = stats(found, found[2:], 3, NOW)
    assert (made["open"], made["unacknowledged"], made["open_by_severity"]["critical"]) == (2, 1, 2)
    assert [(w["week"], w["opened"], w["mtta_seconds"], w["mttr_seconds"]) for w in made["weeks"]] == [
        ("2026-11-09", 0, None, None), ("2026-11-16", 1, 10.0, 100.0), ("2026-11-23", 3, 30.0, 200.0),
    ]  # fmt: skip
