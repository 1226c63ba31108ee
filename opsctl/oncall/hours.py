"""Hours of certain days: whether a moment lies in them, and where they begin and end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from opsctl.oncall.workdays import names

_DAY = 86_400


@dataclass(frozen=True)
class Hours:
    """From `begin` up to `end` (seconds of the day) on `days`; none: every day. Over midnight when end <= begin."""

    begin: int = 0
    end: int = _DAY
    days: frozenset[str] = frozenset()

    def hold(self, at: datetime) -> bool:
        """Whether the local time `at` lies in them. A span over midnight belongs to the day on which it begins."""
        second = at.hour * 3600 + at.minute * 60 + at.second
        if self.begin < self.end:
            return self.begin <= second < self.end and self._on(at.date())
        if second >= self.begin:
            return self._on(at.date())
        return second < self.end and self._on(at.date() - timedelta(days=1))

    def _on(self, day: date) -> bool:
        return not self.days or bool(self.days & names(day))

    def edges(self, day: date, zone: ZoneInfo) -> Iterator[float]:
        """The epoch seconds on a day at which something may change, midnight among them."""
        for second in (0, self.begin, self.end):
            yield moment(day, second, zone)


def moment(day: date, second: int, zone: ZoneInfo) -> float:
    """A local time of a day in epoch seconds; second 86,400 is the next midnight."""
    if second >= _DAY:
        day, second = day + timedelta(days=1), second - _DAY
    clock = time(second // 3600, second // 60 % 60, second % 60)
    return datetime.combine(day, clock, zone).timestamp()


def seconds(text: str) -> int:
    """`HH:MM` as seconds of the day, at most 24:00. Raises ValueError."""
    hour, colon, minute = text.partition(":")
    good = colon and len(hour) in (1, 2) and len(minute) == 2 and hour.isdigit() and minute.isdigit()
    found = int(hour) * 3600 + int(minute) * 60 if good else -1
    if not good or int(minute) > 59 or not 0 <= found <= _DAY:
        raise ValueError(f"not a time of the day: {text!r} (HH:MM)")
    return found
