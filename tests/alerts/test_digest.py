"""What goes into a digest, what it tells, and what becomes of a delivery after an answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opsctl.alerts.batch import Batch, batch_json, batch_of
from opsctl.alerts.carried import Carried
from opsctl.alerts.delivery import FAILED, PENDING, SENDING, SENT, SUPERSEDED, Delivery
from opsctl.alerts.digest import gather, unite
from opsctl.alerts.landing import land
from opsctl.alerts.queue import Queue
from opsctl.alerts.receiver import Integration, Outcome, Refused, RetryAfter, Sent
from opsctl.alerts.receivers.dingtalk import DingTalk
from opsctl.alerts.receivers.wecom import WeCom
from opsctl.alerts.standby import candidates, handed, stuck, take_over
from opsctl.model.alert import Alert
from opsctl.model.labels import Labels


def delivery(number: int, severity: str = "warning", ends: float | None = None, **more: object) -> Delivery:
    alert = Alert(
        labels=Labels({"alertname": f"A{number}", "severity": severity}), annotations=Labels(), starts_at=0.0,
        ends_at=ends, updated_at=float(number),
    )  # fmt: skip
    labels = Labels({"team": "sre", "n": str(number)})
    batch = Batch(receiver="r", group_key=f"g{number}", group_labels=labels, alerts=(alert,), now=float(number))
    made = Delivery(id=number, created_at=0.0, channel="c", integration="r/dingtalk/0", batch=batch, cause="first")
    return replace(made, **more)  # type: ignore[arg-type]


def numbers(found: tuple[Delivery, ...]) -> list[int]:
    return [d.id for d in found]


def test_there_is_a_digest_when_more_waits_than_may_go() -> None:
    waiting = [delivery(n) for n in range(1, 5)]
    assert gather(waiting[0], waiting, 4, lambda _: True) == ()
    assert numbers(gather(waiting[0], waiting, 3, lambda _: True)) == [1, 2, 3, 4]
    assert gather(waiting[0], waiting[:1], 0, lambda _: True) == ()
    assert numbers(gather(waiting[0], waiting, 0, lambda d: d.id != 3)) == [1, 2, 4]


def test_begun_ones_and_tests_go_alone_and_the_urgent_among_themselves() -> None:
    begun = delivery(1, part=1)
    test = delivery(2)
    test = replace(test, batch=replace(test.batch, test=True))
    worst = [delivery(3, "critical"), delivery(4, "critical"), delivery(5)]
    everything = [begun, test, *worst]
    assert gather(begun, everything, 0, lambda _: True) == ()
    assert gather(test, everything, 0, lambda _: True) == ()
    assert numbers(gather(worst[0], everything, 0, lambda _: True)) == [3, 4, 5]  # others come along
    assert gather(worst[0], [*everything[:3], everything[4]], 0, lambda _: True) == ()
    assert not delivery(6, "critical", ends=5.0).urgent  # what is over wakes nobody


def test_a_digest_tells_each_alert_as_it_stands_last() -> None:
    first, again = delivery(1), delivery(2, ends=1.5)
    same = replace(again.batch.alerts[0], labels=first.batch.alerts[0].labels)
    again = replace(again, batch=replace(again.batch, alerts=(same,), group_key="other"), possibly_repeated=True)
    digest = unite(9, first, [first, again, delivery(3)], 50.0)
    assert [(a.name, a.ends_at) for a in digest.batch.alerts] == [("A1", 1.5), ("A3", None)]
    assert (digest.batch.digest, digest.batch.group_labels) == (True, Labels({"team": "sre"}))
    assert digest.possibly_repeated
    assert batch_of(batch_json(digest.batch)) == digest.batch


def test_what_is_carried_is_on_its_way_until_the_carrier_has_landed() -> None:
    members = [delivery(1), delivery(2)]
    carried = Carried({9: members})
    queue = Queue(lambda place: carried.at(place) is not None)
    assert carried.at(members[0].place) == members[0]
    newer, urgent = delivery(3), delivery(4, "critical")
    queue.put(replace(newer, batch=replace(newer.batch, group_key="g1")))
    assert queue.head(0.0) is None  # the digest tells the older state first
    queue.put(replace(urgent, batch=replace(urgent.batch, group_key="g2")))
    assert queue.head(0.0) is not None  # the urgent overtakes it
    assert carried.release(9) == tuple(members)
    queue.free([m.place for m in members])
    assert numbers(tuple(queue.due(0.0))) == [3, 4]
    assert carried.at(members[0].place) is None


@pytest.mark.parametrize(
    ("outcome", "parts", "people", "status", "said"),
    [
        (Sent(), 1, 1, SENT, "sent"),
        (Sent(), 2, 1, PENDING, ""),
        (RetryAfter("busy", 5.0), 1, 1, PENDING, "retried"),
        (RetryAfter("busy", most=1), 1, 1, FAILED, "failed"),
        (Refused("no"), 1, 1, FAILED, "failed"),
        (Refused("no"), 2, 1, FAILED, "failed"),
        (Refused("no"), 2, 2, PENDING, ""),
    ],
)
def test_what_becomes_of_a_delivery(outcome: Outcome, parts: int, people: int, status: str, said: str) -> None:
    landed = land(delivery(1, status=SENDING, attempts=2), outcome, parts, people, 10.0, 0.5)
    assert (landed.delivery.status, landed.outcome) == (status, said)


def test_of_many_people_the_refused_are_named_at_the_end() -> None:
    first = land(delivery(1, status=SENDING, attempts=1), Refused("zhang: no"), 3, 3, 10.0, 0.5).delivery
    busy = land(replace(first, attempts=1), RetryAfter("busy"), 3, 3, 11.0, 0.5).delivery
    assert (busy.part, busy.reason) == (1, "✗ zhang: no · busy")
    second = land(replace(busy, attempts=2), Sent(), 3, 3, 12.0, 0.5).delivery
    assert (second.part, second.reason) == (2, "✗ zhang: no")
    last = land(replace(second, attempts=1), Refused("wang: no"), 3, 3, 13.0, 0.5)
    assert (last.delivery.status, last.delivery.reason) == (FAILED, "✗ zhang: no✗ wang: no")


def test_a_standby_takes_over_what_is_stuck() -> None:
    robot = Integration("r", 0, DingTalk(api_url="http://d", access_token="t"))
    first = Integration("r", 0, WeCom(api_url="http://w", key="1"), standby=True)
    second = Integration("r", 1, WeCom(api_url="http://w", key="2"), standby=True)
    elsewhere = Integration("other", 0, WeCom(api_url="http://w", key="3"), standby=True)
    known = {i.key: i for i in (robot, first, second, elsewhere)}
    assert candidates(robot, known) == [first, second]
    assert candidates(first, known) == [second]
    assert candidates(second, known) == []
    assert [stuck(delivery(1, attempts=n), 0.0) for n in (0, 3, 4)] == [False, False, True]
    assert [stuck(delivery(1), rest) for rest in (9.0, 600.0)] == [False, True]
    made = take_over(7, delivery(1, attempts=4, part=1, possibly_repeated=True), first, "errcode 130101", 20.0)
    assert (made.integration, made.part, made.attempts, made.possibly_repeated) == ("r/wecom/0", 0, 0, False)
    assert made.batch.note == "钉钉暂时无法送达（errcode 130101），由企业微信代发 / wecom takes over"
    (row,) = handed([delivery(1)], made)
    assert (row.status, row.superseded_by) == (SUPERSEDED, 7)
