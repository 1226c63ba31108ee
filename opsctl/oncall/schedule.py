"""A schedule: who has the duty at a moment, who is next, and the shifts of a span of time. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from opsctl.oncall.layer import Layer

_AHEAD = 60 * 86_400.0
_LOOK = 7 * 86_400.0


@dataclass(frozen=True, kw_only=True)
class Override:
    """A person who has the duty from `begin` up to `end`, whoever's turn it is. `id` '': written in oncall.yml."""

    schedule: str
    person: str
    begin: float
    end: float
    reason: str = ""
    by: str = ""
    id: str = ""


@dataclass(frozen=True)
class Shift:
    """One person's duty without a break. `source`: the layer's name, or `override`; `person` None: nobody."""

    begin: float
    end: float
    person: str | None
    source: str


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A named duty. The last override, then the last layer that has somebody, decides."""

    name: str
    zone: ZoneInfo
    layers: tuple[Layer, ...]
    overrides: tuple[Override, ...] = ()

    def with_overrides(self, more: Iterable[Override]) -> Schedule:
        """The same with overrides of its own name added."""
        return replace(self, overrides=(*self.overrides, *(o for o in more if o.schedule == self.name)))

    def who(self, at: float) -> str | None:
        """The id of the person on duty, or None."""
        return self._found(at)[0]

    def _found(self, at: float) -> tuple[str | None, str]:
        for override in reversed(self.overrides):
            if override.begin <= at < override.end:
                return override.person, "override"
        for layer in reversed(self.layers):
            holder = layer.holder(at)
            if holder is not None:
                return holder, layer.name
        return None, ""

    def next(self, at: float) -> str | None:
        """Who has the duty after the one who has it now, within 60 days; None when nobody else has."""
        now, begin = self.who(at), at
        while begin < at + _AHEAD:
            for shift in self.shifts(begin, begin + _LOOK):
                if shift.person is not None and shift.person != now:
                    return shift.person
            begin += _LOOK
        return None

    def shifts(self, start: float, end: float) -> tuple[Shift, ...]:
        """Who has the duty from `start` to `end`, without a gap: where nobody has, `person` is None."""
        edges = {start, end}
        for layer in self.layers:
            edges.update(layer.edges(start, end))
        for override in self.overrides:
            edges.update((override.begin, override.end))
        found: list[Shift] = []
        moments = sorted(e for e in edges if start <= e <= end)
        for begin, until in itertools.pairwise(moments):
            person, source = self._found(begin)
            if found and (found[-1].person, found[-1].source) == (person, source):
                found[-1] = replace(found[-1], end=until)
            else:
                found.append(Shift(begin, until, person, source))
        return tuple(found)
