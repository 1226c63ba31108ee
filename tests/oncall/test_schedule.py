"""Schedules: turns, layers, holidays, overrides, and shifts that agree with who has the duty at any moment."""

from __future__ import annotations

import itertools
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from opsctl.core.clock import SHANGHAI
from opsctl.core.errors import DocumentError
from opsctl.oncall.ics import calendar
from opsctl.oncall.roster import OnCall, load_oncall
from opsctl.oncall.schedule import Override

TEXT = """
people:
  - {id: chen, name: 陈}
  - {id: liu, name: 刘}
  - {id: zhao, name: 赵}
schedules:
  - name: primary
    layers:
      - {name: nights, people: [chen, liu], start: 2026-01-05, turn: 1w, handover: "09:00"}
      - name: office
        people: [zhao]
        start: 2026-01-01
        turn: 1d
        only: [{days: [workday], from: "10:00", to: "18:00"}]
    overrides:
      - {person: liu, from: 2026-03-02T00:00, to: 2026-03-03T00:00, reason: 换班}
policies:
  - name: booking
    repeat: 1
    steps:
      - {notify: ["schedule:primary"], wait: 5m}
      - {notify: ["next:primary", zhao], wait: 10m, via: [sms]}
      - {notify: [everyone]}
quiet:
  - {severities: [info, warning], hours: [{from: "22:00", to: "08:00"}, {days: [holiday], from: "00:00", to: "10:00"}]}
"""


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).timestamp()


@pytest.fixture(scope="module")
def oncall(tmp_path_factory: pytest.TempPathFactory) -> OnCall:
    file = tmp_path_factory.mktemp("oncall") / "oncall.yml"
    file.write_text(TEXT, encoding="utf-8")
    return load_oncall(file)


@pytest.mark.parametrize(
    ("moment", "who"),
    [
        ("2026-01-03T12:00", None),  # before the first turn, and a holiday
        ("2026-01-05T09:00", "chen"),
        ("2026-01-12T08:59", "chen"),
        ("2026-01-12T09:00", "liu"),
        ("2026-01-12T10:00", "zhao"),  # a Monday that is worked
        ("2026-01-12T18:00", "liu"),
        ("2026-10-01T11:00", "chen"),  # National Day, a Thursday: nobody works
        ("2026-10-10T11:00", "zhao"),  # a Saturday that is worked instead
        ("2026-03-02T11:00", "liu"),  # by override
        ("2026-03-03T00:00", "chen"),
    ],
)
def test_who_has_the_duty(oncall: OnCall, moment: str, who: str | None) -> None:
    assert oncall.schedules["primary"].who(at(moment)) == who


def test_who_is_next(oncall: OnCall) -> None:
    primary = oncall.schedules["primary"]
    assert primary.next(at("2026-10-01T11:00")) == "liu"  # the turn changes on Monday 5 October, a holiday
    assert primary.next(at("2026-01-12T10:00")) == "liu"
    assert oncall.of("next:primary", at("2026-01-12T10:00")) == ("liu",)
    assert oncall.of("everyone", 0) == ("chen", "liu", "zhao")
    assert oncall.of("schedule:primary", at("2026-01-01T00:00")) == ()


@given(st.floats(0, 40 * 86_400), st.floats(60, 20 * 86_400), st.floats(0, 1))
def test_shifts_have_no_gap_and_say_what_who_says(oncall: OnCall, start: float, length: float, where: float) -> None:
    extra = Override(schedule="primary", person="zhao", begin=at("2026-09-28T03:10"), end=at("2026-09-28T04:00"))
    primary = oncall.schedules["primary"].with_overrides([extra])
    begin = at("2026-09-10T00:00") + start
    shifts = primary.shifts(begin, begin + length)
    assert shifts[0].begin == begin
    assert shifts[-1].end == begin + length
    assert all(a.end == b.begin for a, b in itertools.pairwise(shifts))
    moment = begin + where * length * 0.999
    holder = next(s for s in shifts if s.begin <= moment < s.end)
    assert holder.person == primary.who(moment)


def test_quiet_hours_end_in_the_morning(oncall: OnCall) -> None:
    (rule,) = oncall.quiet
    assert rule.until("warning", at("2026-03-03T23:30")) == at("2026-03-04T08:00")
    assert rule.until("warning", at("2026-03-03T21:59")) is None
    assert rule.until("critical", at("2026-03-03T23:30")) is None
    assert rule.until("info", at("2026-10-01T07:00")) == at("2026-10-01T10:00")


def test_calendar_file_can_be_read_back(oncall: OnCall) -> None:
    primary = oncall.schedules["primary"]
    shifts = primary.shifts(at("2026-01-12T00:00"), at("2026-01-19T00:00"))
    made = calendar("primary", shifts, {p.id: p for p in oncall.people}, SHANGHAI, 0)
    events = Calendar.from_ical(made).walk("VEVENT")
    assert len(events) == len([s for s in shifts if s.person])
    assert events[0]["dtstart"].dt.timestamp() == shifts[0].begin
    assert "陈" in str(events[0]["summary"])
    assert len({str(e["uid"]) for e in events}) == len(events)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "people: [chen, liu]",
            "people: [chen, lui]",
            r"oncall.yml:9: .*nobody with the id 'lui'.*\(did you mean 'liu'",
        ),
        ("start: 2026-01-05", "start: tomorrow", "schedules"),
        ("turn: 1w", "turn: 1m", "a turn is a number of days or weeks"),
        ('handover: "09:00"', 'handover: "25:00"', "not a time of the day"),
        ("schedule:primary", "schedule:primry", "did you mean 'primary'"),
        ("schedule:primary", "calendar:primary", "none of schedule:NAME"),
        ("to: 2026-03-03T00:00", "to: 2026-03-01T00:00", "ends before it begins"),
        ("severities: [info, warning]", "severities: [critical]", "never kept"),
        ("name: booking", "name: ''", "empty, reserved or used twice"),
        ("id: zhao", "id: everyone", "empty, reserved or used twice"),
        ("wait: 5m", "wait: 0s", "waits more than zero"),
        ("days: [workday]", "days: [workdy]", "did you mean 'workday'"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    file = tmp_path / "oncall.yml"
    assert old in TEXT
    file.write_text(TEXT.replace(old, new), encoding="utf-8")
    with pytest.raises(DocumentError, match=message):
        load_oncall(file)
