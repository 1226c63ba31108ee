"""Opening, growing, closing, opening again: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from opsctl.incidents.follow import REOPEN_SECONDS, Change, follow
from opsctl.incidents.incident import Incident
from opsctl.incidents.seen import Seen, SeenAck, SeenAlert, SeenDelivery, SeenRun

BY = ("alertname", "service")


def alert(fingerprint: str, at: float = 100.0, quiet: bool = False, **labels: str) -> SeenAlert:
    given = {"alertname": "Down", "service": "pay", "severity": "critical", **labels}
    return SeenAlert(
        fingerprint=fingerprint, labels=given, annotations={"summary": "坏了", "runbook": "mend"}, starts_at=at, quiet=quiet
    )  # fmt: skip


class Life:
    """Incidents over several polls, kept as the store keeps them."""

    def __init__(self) -> None:
        self.known: list[Incident] = []
        self.entered: dict[int, set[str]] = {}
        self.told: list[str] = []

    def poll(self, now: float, alerts: Sequence[SeenAlert] = (), **seen: tuple[object, ...]) -> list[Change]:
        found = Seen(alerts=tuple(alerts), **seen)  # type: ignore[arg-type]
        changes = follow(self.known, found, BY, now, self.entered)
        for change in changes:
            number = change.incident.id or len(self.known) + 1
            incident = replace(change.incident, id=number)
            self.known = [i for i in self.known if i.id != number] + [incident]
            self.entered.setdefault(number, set()).update(m.source for m in change.moments)
            self.told += [m.kind for m in change.moments]
        return changes


def test_alerts_with_one_key_are_one_incident_and_it_closes_with_the_last() -> None:
    life = Life()
    life.poll(105, [alert("a"), alert("b", at=101, severity="warning"), alert("c", service="users")])
    assert [(i.key["service"], len(i.members), i.severity, i.opened_at) for i in life.known] == [
        ("pay", 2, "critical", 100.0), ("users", 1, "critical", 100.0),
    ]  # fmt: skip
    assert life.known[0].title == "坏了"
    assert life.known[0].runbook == "mend"
    assert life.poll(106, [alert("a"), alert("b", at=101), alert("c", service="users")]) == []
    life.poll(110, [alert("b", at=101)])
    assert all(i.open for i in life.known)
    life.poll(113, [alert("b", at=101)])
    pay, users = sorted(life.known, key=lambda i: i.id)
    assert pay.open
    assert users.closed_at == 110
    life.poll(120)
    life.poll(121)
    assert life.known[1].open or life.known[0].open
    life.poll(122.5)
    closed = next(i for i in life.known if i.key["service"] == "pay")
    assert (closed.closed_at, closed.mttr) == (120, 20)


def test_an_alert_that_is_missed_for_a_moment_has_not_ended() -> None:
    life = Life()
    life.poll(105, [alert("a")])
    life.poll(106)
    life.poll(107, [alert("a")])
    life.poll(120, [alert("a")])
    assert life.known[0].open
    assert life.told == ["fired"]


def test_it_opens_again_within_five_minutes_and_is_another_one_after() -> None:
    life = Life()
    life.poll(105, [alert("a")])
    for at in (200, 203):
        life.poll(at)
    assert life.known[0].closed_at == 200
    life.poll(300, [alert("a", at=299)])
    assert (len(life.known), life.known[0].open, life.known[0].reopened) == (1, True, 1)
    for at in (400, 403):
        life.poll(at)
    assert life.known[0].mttr == 300
    life.poll(401 + REOPEN_SECONDS + 3, [alert("a", at=705)])
    assert len(life.known) == 2
    assert life.told == ["fired", "resolved", "closed", "reopened", "fired", "resolved", "closed", "fired"]


def test_what_wakes_nobody_opens_nothing() -> None:
    life = Life()
    watchdog = alert("w", alertname="Watchdog", severity="info")
    assert life.poll(105, [watchdog, alert("x", severity="none"), alert("q", quiet=True)]) == []
    life.poll(106, [alert("a")])
    life.poll(107, [alert("a", quiet=True)])
    life.poll(120, [alert("a", quiet=True)])
    assert life.known[0].open, "a silence is not an end"
    life.poll(121, [alert("a"), alert("u", alertname="Odd", severity="strange")])
    assert sorted(i.severity for i in life.known) == ["critical", "warning"]


def test_acknowledgements_messages_and_runbooks_enter_the_timeline_once() -> None:
    life = Life()
    ack = SeenAck(fingerprint="a", who="王工", via="钉钉群", comment="在看", at=112.0)
    sent = SeenDelivery(
        id=7, receiver="oncall", integration="dingtalk", sent=True, state="firing", at=103.0, reason="", fingerprints=frozenset("a")
    )  # fmt: skip
    other = replace(sent, id=8, fingerprints=frozenset("z"))
    failed = replace(sent, id=9, sent=False, reason="errcode 130101")
    run = SeenRun(
        id=3,
        run="r1",
        runbook="mend",
        fingerprint="a",
        dry_run=False,
        at=115.0,
        kind="step done",
        step="s",
        zh="步",
        en="step",
    )
    for at in (116, 117):
        life.poll(
            at,
            [alert("a")],
            acks=(ack,),
            deliveries=(sent, other, failed),
            runs=(run, replace(run, id=4, dry_run=True), replace(run, id=5, kind="step skipped")),
        )
    assert life.told == ["fired", "acknowledged", "delivered", "not delivered", "runbook"]
    assert (life.known[0].acked_by, life.known[0].mtta) == ("王工", 12.0)
    for at in (120, 123):
        life.poll(at)
    resolved = replace(sent, id=10, state="resolved", at=125.0)
    changes = life.poll(126, deliveries=(resolved,))
    assert [m.text for c in changes for m in c.moments] == [
        "恢复消息送达 dingtalk / resolve message delivered to dingtalk"
    ]
