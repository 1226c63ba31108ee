"""One layer of a schedule: people who take turns of whole days, handed over at a local time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from opsctl.oncall.hours import Hours, moment


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Turns of `days` days from `first` on. `only`: hours in which it has somebody; none: always."""

    name: str
    people: tuple[str, ...]
    first: date
    until: date | None
    days: int
    handover: int
    zone: ZoneInfo
    only: tuple[Hours, ...] = ()

    def holder(self, at: float) -> str | None:
        """The id of the person on duty, or None."""
        turn = self._turn(at)
        if turn is None or not self._open(at):
            return None
        return self.people[turn % len(self.people)]

    def _turn(self, at: float) -> int | None:
        local = datetime.fromtimestamp(at, self.zone)
        day = local.date()
        if local.hour * 3600 + local.minute * 60 + local.second < self.handover:
            day -= timedelta(days=1)
        if day < self.first or (self.until is not None and day >= self.until):
            return None
        return (day - self.first).days // self.days

    def _open(self, at: float) -> bool:
        local = datetime.fromtimestamp(at, self.zone)
        return not self.only or any(hours.hold(local) for hours in self.only)

    def edges(self, start: float, end: float) -> Iterator[float]:
        """The moments from `start` to `end` at which its holder may change."""
        day = datetime.fromtimestamp(start, self.zone).date() - timedelta(days=1)
        last = datetime.fromtimestamp(end, self.zone).date()
        while day <= last:
            yield moment(day, self.handover, self.zone)
            for hours in self.only:
                yield from hours.edges(day, self.zone)
            day += timedelta(days=1)
