"""Quiet hours: messages that nobody has to be woken for are kept until the hours end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from opsctl.oncall.hours import Hours

_MOST_DAYS = 15


@dataclass(frozen=True)
class Quiet:
    """In `hours`, messages of `severities` wait."""

    severities: frozenset[str]
    hours: tuple[Hours, ...]
    zone: ZoneInfo

    def until(self, severity: str, at: float) -> float | None:
        """When a message of this severity may go out; None when it may go at once."""
        if severity not in self.severities or not self._holds(at):
            return None
        day = datetime.fromtimestamp(at, self.zone).date()
        for _ in range(_MOST_DAYS):
            edges = sorted({edge for hours in self.hours for edge in hours.edges(day, self.zone)})
            for edge in edges:
                if edge > at and not self._holds(edge):
                    return edge
            day += timedelta(days=1)
        return None

    def _holds(self, at: float) -> bool:
        local = datetime.fromtimestamp(at, self.zone)
        return any(hours.hold(local) for hours in self.hours)


def quiet_until(rules: Iterable[Quiet], severity: str, at: float) -> float | None:
    """The latest end that any of the rules asks for; None when the message may go at once."""
    ends = [end for end in (rule.until(severity, at) for rule in rules) if end is not None]
    return max(ends, default=None)
