"""Shifts as an iCalendar file, for phones. Source: RFC 5545."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

from opsctl.model.person import Person
from opsctl.oncall.schedule import Shift


def calendar(
    schedule: str, shifts: Iterable[Shift], people: Mapping[str, Person], zone: ZoneInfo, made_at: float
) -> bytes:
    """One event a shift; the same shift keeps its UID, so that a renewed file replaces and does not double."""
    file = Calendar()
    file.add("prodid", "-//opsctl//oncall//ZH")
    file.add("version", "2.0")
    file.add("x-wr-calname", f"值班 {schedule}")
    for shift in shifts:
        if shift.person is None:
            continue
        person = people.get(shift.person)
        name = person.name if person else shift.person
        event = Event()
        event.add("uid", f"{schedule}-{round(shift.begin)}-{shift.person}@opsctl")
        event.add("dtstamp", datetime.fromtimestamp(made_at, UTC))
        event.add("dtstart", datetime.fromtimestamp(shift.begin, zone))
        event.add("dtend", datetime.fromtimestamp(shift.end, zone))
        event.add("summary", f"{schedule} 值班：{name}")
        event.add("description", f"on call: {name}; {shift.source}")
        file.add_component(event)
    file.add_missing_timezones()
    return bytes(file.to_ical())
