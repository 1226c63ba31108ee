"""Duty: who has it now, who is next, what the coming days look like, and who takes over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from opsctl.core.clock import iso
from opsctl.core.errors import NotFound, UsageError
from opsctl.oncall.ics import calendar
from opsctl.oncall.overrides import Overrides
from opsctl.oncall.roster import OnCall
from opsctl.oncall.schedule import Override, Schedule, Shift

_MOST_DAYS = 366


class Duty:
    """Schedules as written in oncall.yml, with the overrides given by hand. `roster` gives the document in force."""

    def __init__(self, roster: Callable[[], OnCall], overrides: Overrides) -> None:
        self._roster, self._overrides = roster, overrides

    def oncall(self) -> OnCall:
        """The document in force, overrides included."""
        return self._roster().with_overrides(self._overrides.all())

    def now(self, at: float) -> list[dict[str, Any]]:
        """Of each schedule: who has the duty, until when, and who is next."""
        oncall = self.oncall()
        return [self._now(oncall, schedule, at) for schedule in oncall.schedules.values()]

    def _now(self, oncall: OnCall, schedule: Schedule, at: float) -> dict[str, Any]:
        shift = schedule.shifts(at, at + 30 * 86_400.0)[0]
        return {
            "schedule": schedule.name, "at": iso(at), "person": _person(oncall, shift.person), "source": shift.source,
            "until": iso(shift.end), "next": _person(oncall, schedule.next(at)),
        }  # fmt: skip

    def names(self, at: float) -> tuple[str, ...]:
        """Who has a duty now, by name; nobody where no schedule is written."""
        oncall = self.oncall()
        found = (oncall.person(schedule.who(at) or "") for schedule in oncall.schedules.values())
        return tuple(dict.fromkeys(p.name for p in found if p is not None))

    def shifts(self, name: str, start: float, days: float) -> list[dict[str, Any]]:
        """The shifts of a schedule from `start` on. Raises NotFound, UsageError."""
        oncall, found = self._shifts(name, start, days)
        return [
            {"begin": iso(s.begin), "end": iso(s.end), "person": _person(oncall, s.person), "source": s.source}
            for s in found
        ]

    def ics(self, name: str, start: float, days: float) -> bytes:
        """The same as an iCalendar file."""
        oncall, found = self._shifts(name, start, days)
        people = {p.id: p for p in oncall.people}
        return calendar(name, found, people, oncall.schedules[name].zone, start)

    def _shifts(self, name: str, start: float, days: float) -> tuple[OnCall, Sequence[Shift]]:
        if not 0 < days <= _MOST_DAYS:
            raise UsageError(f"days is between 1 and {_MOST_DAYS}")
        oncall = self.oncall()
        return oncall, _schedule(oncall, name).shifts(start, start + days * 86_400.0)

    def override(self, wanted: Override, now: float) -> dict[str, Any]:
        """Gives the duty to somebody for a time. Raises NotFound, UsageError."""
        oncall = self.oncall()
        _schedule(oncall, wanted.schedule)
        if oncall.person(wanted.person) is None:
            raise NotFound(f"nobody with the id {wanted.person!r}", f"one of: {', '.join(p.id for p in oncall.people)}")
        if wanted.end <= max(wanted.begin, now):
            raise UsageError("the override ends before it begins, or has ended already")
        return override_json(oncall, self._overrides.give(wanted, now))

    def end(self, wanted: str, now: float) -> dict[str, Any]:
        """Ends an override. Raises NotFound."""
        return override_json(self.oncall(), self._overrides.end(wanted, now))

    def overrides(self, now: float) -> list[dict[str, Any]]:
        """Those given by hand that have not ended."""
        oncall = self.oncall()
        return [override_json(oncall, o) for o in self._overrides.all() if o.end > now]


def _schedule(oncall: OnCall, name: str) -> Schedule:
    found = oncall.schedules.get(name)
    if found is None:
        names = ", ".join(oncall.schedules)
        raise NotFound(f"no schedule named {name!r}", f"one of: {names}" if names else "oncall.yml has no schedules")
    return found


def _person(oncall: OnCall, wanted: str | None) -> dict[str, str] | None:
    person = oncall.person(wanted) if wanted else None
    return {"id": person.id, "name": person.name} if person else None


def override_json(oncall: OnCall, o: Override) -> dict[str, Any]:
    """An override as the API shows it."""
    return {
        "id": o.id, "schedule": o.schedule, "person": _person(oncall, o.person), "begin": iso(o.begin),
        "end": iso(o.end), "reason": o.reason, "by": o.by,
    }  # fmt: skip
