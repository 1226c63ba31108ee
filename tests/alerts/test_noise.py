"""The noise report counts episodes, nights, acknowledgements, and says what to change."""

from __future__ import annotations

from datetime import datetime

from opsctl.alerts.batch import Batch
from opsctl.alerts.delivery import FAILED, SENT, Delivery
from opsctl.alerts.noise import report
from opsctl.core.clock import SHANGHAI
from opsctl.model.alert import Alert
from opsctl.model.labels import Labels


def at(text: str) -> float:
    return datetime.fromisoformat(f"2026-03-{text}").replace(tzinfo=SHANGHAI).timestamp()


def alert(name: str, began: float, ended: float | None = None, severity: str = "warning") -> Alert:
    labels = Labels({"alertname": name, "severity": severity})
    return Alert(labels=labels, annotations=Labels(), starts_at=began, ends_at=ended)


def delivery(number: int, when: float, *alerts: Alert, status: str = SENT, test: bool = False) -> Delivery:
    batch = Batch(receiver="r", group_key="g", group_labels=Labels(), alerts=alerts, now=when, test=test)
    sent = when if status == SENT else None
    return Delivery(
        id=number, created_at=when, channel="c", integration="r/k/0", batch=batch, cause="first", status=status,
        sent_at=sent,
    )  # fmt: skip


def test_short_episodes_that_resolve_alone() -> None:
    told = []
    for n in range(6):
        began = at(f"0{n + 1}T12:00")
        told += [
            delivery(2 * n, began, alert("Flaps", began)),
            delivery(2 * n + 1, began + 120, alert("Flaps", began, began + 120)),
        ]
    (row,) = report(told, {}, 0, 1e10, 0.0).rows
    assert (row.episodes, row.messages, row.woke, row.alone, row.median_seconds) == (6, 12, 0, 6, 120)
    assert "for about 2m longer" in row.advice


def test_nights_acks_and_what_does_not_count() -> None:
    night, day = at("02T23:30"), at("03T10:00")
    taken = alert("Disk", night)
    told = [
        delivery(1, night, taken),
        delivery(2, night + 600, taken, status=FAILED),
        delivery(3, day, alert("Down", day, severity="critical")),
        delivery(4, day, alert("TestMessage", day), test=True),
    ]
    found = report(told, {taken.fingerprint: [night - 5000, night + 60]}, 0, 1e10, night)
    disk, down = found.rows
    assert (disk.name, disk.woke, disk.messages, disk.acked, disk.soon, disk.alone) == ("Disk", 1, 1, 1, 1, 0)
    assert "quiet hours" in disk.advice
    assert (down.name, down.woke, down.acked, down.median_seconds, down.advice) == ("Down", 0, 0, None, "")
    assert found.json()["total"]["messages"] == 2
    late = report(told, {taken.fingerprint: [night + 301]}, 0, 1e10, None).rows[0]
    assert (late.acked, late.soon) == (1, 0)
