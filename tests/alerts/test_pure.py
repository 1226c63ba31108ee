"""The pure parts: matchers, windows, merge, dedup, limiter, queue, silences."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from opsctl.alerts.batch import Batch, sort_alerts
from opsctl.alerts.dedup import Entry, needs_update
from opsctl.alerts.delivery import SENT, Delivery, back_off, coalesce
from opsctl.alerts.dispatch import Dispatcher
from opsctl.alerts.document import TimesOf, WindowOf
from opsctl.alerts.inhibit import Inhibitor, InhibitRule
from opsctl.alerts.matcher_text import parse_matcher, parse_matchers
from opsctl.alerts.names import classic_name
from opsctl.alerts.queue import Queue
from opsctl.alerts.route import Route
from opsctl.alerts.silence import Silence, SilenceRules, Silences
from opsctl.alerts.store import AlertStore, Held
from opsctl.alerts.windows import parse_window
from opsctl.core.clock import parse_iso
from opsctl.core.errors import NotFound, UsageError
from opsctl.model.alert import Alert
from opsctl.model.labels import Labels
from opsctl.model.matcher import Matcher


def alert(name: str = "A", starts: float = 0.0, ends: float | None = None, at: float = 0.0, **labels: str) -> Alert:
    made = Labels({"alertname": name, **labels})
    return Alert(labels=made, annotations=Labels(), starts_at=starts, ends_at=ends, updated_at=at)


def batch(*alerts: Alert, now: float = 100.0) -> Batch:
    return Batch(receiver="r", group_key="g", group_labels=Labels(), alerts=sort_alerts(alerts), now=now)


@pytest.mark.parametrize(
    ("text", "matchers"),
    [
        ('a="b"', 'a="b"'),
        ("a=b", 'a="b"'),
        ('{a="b", c=~"d|e" , f!="",}', 'a="b" c=~"d|e" f!=""'),
        ('"中文 名"="值"', '中文 名="值"'),
        ("team!~x.*", 'team!~"x.*"'),
        ("a=b c", 'a="b c"'),
        (r'a="\"q\""', r'a="\"q\""'),
        ("a=", 'a=""'),
    ],
)
def test_matchers_in_both_forms(text: str, matchers: str) -> None:
    assert " ".join(str(m) for m in parse_matchers(text)) == matchers


@pytest.mark.parametrize("text", ["a", '{"a"="b', '"a=b', 'a=~"("', 'a="b" c="d"x"', "1a=b=c,"])
def test_bad_matchers(text: str) -> None:
    with pytest.raises(ValueError):
        parse_matchers(text)


@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [
        ({"times": (TimesOf(start_time="09:00", end_time="17:00"),)}, "2026-11-23T09:00:00Z", "2026-11-23T17:00:00Z"),
        ({"weekdays": ("monday:friday", "sunday")}, "2026-11-22T00:00:00Z", "2026-11-21T00:00:00Z"),
        ({"days_of_month": ("-3:-1",)}, "2026-02-26T00:00:00Z", "2026-02-25T00:00:00Z"),
        ({"months": ("november:12",)}, "2026-12-31T00:00:00Z", "2026-10-31T00:00:00Z"),
        ({"years": ("2026:2027",)}, "2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"),
        ({"weekdays": ("monday",), "location": "Asia/Shanghai"}, "2026-11-22T16:00:00Z", "2026-11-23T16:00:00Z"),
    ],
)
def test_windows(window: dict[str, object], inside: str, outside: str) -> None:
    made = parse_window(WindowOf(**window))  # type: ignore[arg-type]
    assert made.holds(parse_iso(inside))
    assert not made.holds(parse_iso(outside))


def test_posts_of_one_alert_merge() -> None:
    store = AlertStore()
    store.put(Held(alert(starts=10, ends=100, at=10)))
    held, _ = store.put(Held(alert(starts=20, ends=90, at=20)))
    assert (held.alert.starts_at, held.alert.ends_at) == (10, 100)
    held, _ = store.put(Held(alert(starts=10, ends=30, at=30)))
    assert held.alert.ends_at == 30
    held, before = store.put(Held(alert(starts=50, ends=500, at=50)))
    assert held.alert.starts_at == 50
    assert before is not None
    assert before.resolved(50)
    store.put(Held(alert("B", starts=0, ends=300, at=0), timeout=True))
    held, _ = store.put(Held(alert("B", starts=0, ends=60, at=1)))
    assert held.alert.ends_at == 60  # a guessed end gives way


def test_dedup_says_why() -> None:
    a, b, gone = alert("A"), alert("B"), alert("A", ends=50)
    both = Entry(frozenset({a.fingerprint, b.fingerprint}), frozenset(), 90)
    assert needs_update(None, batch(a), 60, True) == "first"
    assert needs_update(None, batch(gone), 60, True) == ""
    assert needs_update(both, batch(a, b), 60, True) == ""
    assert needs_update(both, batch(a, b, now=200), 60, True) == "repeat"
    assert needs_update(both, batch(a, alert("C")), 60, True) == "new alerts"
    assert needs_update(both, batch(gone, b), 60, True) == "some resolved"
    assert needs_update(both, batch(gone, b), 60, False) == ""
    assert needs_update(both, batch(gone), 60, False) == "all resolved"
    resolved = replace(both, firing=frozenset())
    assert needs_update(resolved, batch(gone), 60, True) == ""
    assert needs_update(resolved, batch(a), 60, True) == "first"  # all had been over


def delivery(number: int, *alerts: Alert, **more: object) -> Delivery:
    made = Delivery(id=number, created_at=0, channel="c", integration="r/x/0", batch=batch(*alerts), cause="first")
    return replace(made, **more)  # type: ignore[arg-type]


def test_the_oldest_tells_all_and_loses_nothing() -> None:
    old = delivery(1, alert("A", ends=40), alert("B"))
    new = delivery(2, alert("B", ends=90), alert("C"))
    gone, kept = coalesce([old, new])
    assert (gone.id, gone.superseded_by, kept.id) == (2, 1, 1)
    assert [(a.name, a.ends_at) for a in kept.batch.alerts] == [("A", 40), ("B", 90), ("C", None)]
    assert coalesce([replace(old, part=1), new]) == []


def test_queue_sends_the_worst_first_and_one_a_place() -> None:
    queue = Queue()
    queue.put(delivery(1, alert("A", severity="warning")))
    bad = delivery(2, alert("B", severity="critical"))
    queue.put(replace(bad, batch=replace(bad.batch, group_key="other")))
    queue.put(delivery(3, alert("C"), next_at=50.0))
    head = queue.head(0)
    assert head is not None
    assert head.id == 2
    taken, gone = queue.take(head)
    assert not gone
    queue.land(replace(taken, status=SENT))
    head = queue.head(0)
    assert head is not None
    assert head.id == 1
    taken, gone = queue.take(head)
    assert taken.id == 1
    assert [g.id for g in gone] == [3]
    assert [a.name for a in taken.batch.alerts] == ["C"]
    assert queue.join(delivery(4, alert("D"))) is None  # what is under way is not changed
    assert queue.head(100) is None
    queue.land(replace(taken, next_at=60.0, attempts=1))
    assert queue.head(59) is None
    assert queue.next_at() == 60.0
    joined = queue.join(delivery(5, alert("E")))
    assert joined is not None
    assert (joined.id, joined.next_at) == (1, 60.0)
    assert queue.head(60) == joined


def test_back_off_grows_to_a_minute() -> None:
    assert back_off(1, 0.5) == 0.5
    assert back_off(2, 0.5) == 0.75
    assert back_off(1000, 0.5) == 60


def test_groups_are_due_as_alertmanager_has_them() -> None:
    dispatcher = Dispatcher(Route(key="{}", receiver="r", group_by=("alertname",), group_wait=10, group_interval=60))
    dispatcher.insert(alert("A", starts=100), 100)
    assert dispatcher.next_due() == 110
    dispatcher.insert(alert("A", starts=101, x="1"), 101)
    assert dispatcher.next_due() == 110
    dispatcher.insert(alert("A", starts=50, x="2"), 102)
    assert dispatcher.next_due() == 110  # an old alert waits with the group that it joins
    dispatcher.insert(alert("B", starts=50), 102)
    assert dispatcher.next_due() == 102  # a group that begins with an alert older than group_wait is due at once
    (other,) = dispatcher.take_due(103, 10)
    assert (other.labels, dispatcher.next_due()) == (Labels({"alertname": "B"}), 110)
    (group,) = dispatcher.take_due(111, 10)
    assert dispatcher.next_due() == 163
    assert len(group.batch(111).firing) == 3
    group.alerts[alert("A", x="1").fingerprint] = alert("A", x="1", ends=111)
    assert [a.labels.get("x") for a in group.settle(group.batch(112))] == ["1"]
    assert len(group.alerts) == 2


def test_an_emptied_group_is_gone_and_the_next_begins_with_its_wait() -> None:
    dispatcher = Dispatcher(Route(key="{}", receiver="r", group_wait=10, group_interval=60), start_at=105)
    dispatcher.insert(alert("A", starts=0, ends=50), 100)
    assert dispatcher.take_due(104, 10) == []  # nothing before the start
    (group,) = dispatcher.take_due(105, 10)
    assert len(group.settle(group.batch(105))) == 1
    dispatcher.drop_empty(group)
    assert (len(dispatcher), dispatcher.next_due()) == (0, None)
    dispatcher.insert(alert("A", starts=120), 120)
    assert dispatcher.next_due() == 130


def test_the_heap_serves_many_groups_in_their_order() -> None:
    dispatcher = Dispatcher(Route(key="{}", receiver="r", group_by_all=True, group_wait=5, group_interval=60))
    for number in range(50):
        dispatcher.insert(alert("A", starts=100 + number, n=str(number)), 100 + number)
    first = dispatcher.take_due(200, 30)
    assert [g.labels["n"] for g in first] == [str(n) for n in range(30)]
    assert len(dispatcher.take_due(200, 30)) == 20
    assert dispatcher.take_due(259, 30) == []
    assert len(dispatcher.take_due(260, 99)) == 50


def test_inhibition_is_not_two_sided() -> None:
    matcher = Matcher("alertname", "=~", "A|B")
    rule = InhibitRule(source=(matcher,), target=(matcher,), equal=("service",))
    inhibitor = Inhibitor([rule], [alert("A", service="x")])
    assert inhibitor.inhibited_by(alert("A", service="x").labels, 0) == ()
    one_way = InhibitRule(source=(Matcher("alertname", "=", "A"),), target=(Matcher("alertname", "=", "B"),))
    inhibitor = Inhibitor([one_way])
    source = alert("A", ends=50)
    inhibitor.see(source)
    assert inhibitor.inhibited_by(alert("B").labels, 49) == (source.fingerprint,)
    assert inhibitor.inhibited_by(alert("B").labels, 50) == ()
    inhibitor.forget(source)
    assert inhibitor.inhibited_by(alert("B").labels, 49) == ()


def test_silences_end_and_are_replaced() -> None:
    silences = Silences()
    made = Silence(
        id="", matchers=(Matcher("a", "=", "b"),), starts_at=10, ends_at=100, updated_at=0, created_by="me", comment=""
    )
    number, _ = silences.set(made, 20)
    assert silences.get(number).starts_at == 20
    assert silences.silenced_by({"a": "b"}, 50) == (number,)
    same, _ = silences.set(replace(silences.get(number), ends_at=60), 30)
    assert same == number
    other, changed = silences.set(replace(silences.get(number), matchers=(Matcher("a", "=", "c"),)), 40)
    assert other != number
    assert {s.id for s in changed} == {number, other}
    assert silences.get(number).state(40) == "expired"
    assert silences.expire(number, 41) == ()
    with pytest.raises(NotFound):
        silences.expire("nope", 0)
    for wrong in (
        replace(made, matchers=()),
        replace(made, ends_at=5),
        replace(made, matchers=(Matcher("a", "=", ""),)),
    ):
        with pytest.raises(UsageError):
            silences.set(wrong, 20)


def test_silences_take_what_alertmanager_takes() -> None:
    silences = Silences(rules=SilenceRules(classic_name, most=2, largest=400))
    made = Silence(
        id="", matchers=(Matcher("a", "!=", "b"),), starts_at=0, ends_at=100, updated_at=0, created_by="", comment=""
    )
    number, _ = silences.set(made, 20)  # a negative matcher never counts as matching nothing
    assert silences.get(number).starts_at == 20
    same, _ = silences.set(replace(silences.get(number), starts_at=20.9), 30)
    assert same == number  # starts are compared by the second
    for wrong in (
        replace(made, matchers=(Matcher("a", "=~", "x|"),)),
        replace(made, matchers=(Matcher("中", "=", "x"),)),
        replace(made, comment="x" * 400),
    ):
        with pytest.raises(UsageError):
            silences.set(wrong, 30)
    silences.set(made, 30)
    with pytest.raises(UsageError, match="exceeded maximum number of silences: 2"):
        silences.set(made, 30)


def test_the_latest_record_of_a_silence_counts() -> None:
    ours, theirs = Silences(), Silences()
    made = Silence(
        id="", matchers=(Matcher("a", "=", "b"),), starts_at=10, ends_at=100, updated_at=0, created_by="", comment=""
    )
    number, (first,) = ours.set(made, 10)
    assert theirs.merge(first) == (first,)
    (ended,) = theirs.expire(number, 50)
    assert ours.merge(ended) == (ended,)
    assert ours.merge(first) == ()
    assert ours.silenced_by({"a": "b"}, 60) == ()


@pytest.mark.parametrize(
    ("text", "matcher"),
    [
        ("a=b", 'a="b"'),
        (r'"\xf0\x9f\x99\x82"=dΘ', '🙂="dΘ"'),
        ("00=b", '00="b"'),
        (r'a="\d+"', r'a="\\d+"'),
        ("a=b c", 'a="b c"'),
        ("a='b'", "a=\"'b'\""),
    ],
)
def test_one_filter(text: str, matcher: str) -> None:
    assert str(parse_matcher(text)) == matcher


@pytest.mark.parametrize("text", ['{a="b"}', "a", 'a="b",c="d"', '"\\q"=b', "", 'a=~"("'])
def test_bad_filters(text: str) -> None:
    with pytest.raises(ValueError):
        parse_matcher(text)


@given(some.text())
def test_any_filter_is_a_matcher_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert parse_matcher(text).name
