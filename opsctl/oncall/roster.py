"""Loads oncall.yml into one frozen OnCall, or names every mistake with its line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from opsctl.core.document import Path_, Source, convert, nearest, read
from opsctl.model.person import Person
from opsctl.oncall.document import HoursOf, LayerOf, OnCallOf, OverrideOf, PolicyOf, QuietOf, ScheduleOf
from opsctl.oncall.hours import Hours, seconds
from opsctl.oncall.ladder import Policy, Step
from opsctl.oncall.layer import Layer
from opsctl.oncall.quiet import Quiet
from opsctl.oncall.schedule import Override, Schedule

T = TypeVar("T")
EVERYONE = "everyone"


@dataclass(frozen=True, kw_only=True)
class OnCall:
    """All of oncall.yml. `ack_timeout` in seconds; schedules and policies by name."""

    people: tuple[Person, ...] = ()
    ack_timeout: float = 3600.0
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    policies: Mapping[str, Policy] = field(default_factory=dict)
    quiet: tuple[Quiet, ...] = ()

    def person(self, wanted: str) -> Person | None:
        return next((p for p in self.people if p.id == wanted), None)

    def with_overrides(self, more: Sequence[Override]) -> OnCall:
        """The same with overrides that were given by hand."""
        return replace(self, schedules={n: s.with_overrides(more) for n, s in self.schedules.items()})

    def of(self, word: str, at: float) -> tuple[str, ...]:
        """The ids behind a word of `notify` at a moment: `schedule:NAME`, `next:NAME`, `everyone`, or a person's id."""
        if word == EVERYONE:
            return tuple(p.id for p in self.people)
        kind, colon, name = word.partition(":")
        if not colon:
            return (word,)
        schedule = self.schedules[name]
        found = schedule.who(at) if kind == "schedule" else schedule.next(at)
        return (found,) if found else ()


def load_oncall(path: Path | None) -> OnCall:
    """Reads oncall.yml; without a file nobody is known. Raises DocumentError."""
    if path is None:
        return OnCall()
    source = read(path)
    made = convert(source, OnCallOf)
    people = {p.id for p in _unique(source, "people", made.people, lambda p: p.id)}
    if made.ack_timeout <= 0:
        raise source.refuse(("ack_timeout",), "must be more than zero")
    _unique(source, "schedules", made.schedules, lambda s: s.name)
    _unique(source, "policies", made.policies, lambda p: p.name)
    schedules = {s.name: _schedule(source, ("schedules", n), s, people) for n, s in enumerate(made.schedules)}
    policies = {p.name: _policy(source, ("policies", n), p, people, schedules) for n, p in enumerate(made.policies)}
    quiet = tuple(_quiet(source, ("quiet", n), q) for n, q in enumerate(made.quiet))
    return OnCall(people=made.people, ack_timeout=made.ack_timeout, schedules=schedules, policies=policies, quiet=quiet)


def _unique(source: Source, key: str, entries: Sequence[T], name: Callable[[T], str]) -> Sequence[T]:
    seen: set[str] = set()
    for n, entry in enumerate(entries):
        word = name(entry)
        if not word or word in seen or (key == "people" and (word == EVERYONE or ":" in word)):
            where = "id" if key == "people" else "name"
            raise source.refuse((key, n, where), f"the {where} {word!r} is empty, reserved or used twice")
        seen.add(word)
    return entries


def _schedule(source: Source, place: Path_, made: ScheduleOf, people: set[str]) -> Schedule:
    zone = _zone(source, (*place, "time_zone"), made.time_zone)
    if not made.layers and not made.overrides:
        raise source.refuse((*place, "name"), f"the schedule {made.name!r} has no layers")
    layers = tuple(_layer(source, (*place, "layers", n), n, layer, zone, people) for n, layer in enumerate(made.layers))
    overrides = tuple(
        _override(source, (*place, "overrides", n), made.name, each, zone, people)
        for n, each in enumerate(made.overrides)
    )
    return Schedule(name=made.name, zone=zone, layers=layers, overrides=overrides)


def _layer(source: Source, place: Path_, n: int, made: LayerOf, zone: ZoneInfo, people: set[str]) -> Layer:
    if not made.people:
        raise source.refuse((*place, "people"), "a layer needs people")
    for at, person in enumerate(made.people):
        _known(source, (*place, "people", at), person, people)
    first = _said(source, (*place, "start"), date.fromisoformat, made.start)
    until = _said(source, (*place, "until"), date.fromisoformat, made.until) if made.until else None
    if until is not None and until <= first:
        raise source.refuse((*place, "until"), "ends before it starts")
    return Layer(
        name=made.name or f"layer {n + 1}",
        people=made.people,
        first=first,
        until=until,
        days=_said(source, (*place, "turn"), _days, made.turn),
        handover=_said(source, (*place, "handover"), _handover, made.handover),
        zone=zone,
        only=tuple(_hours(source, (*place, "only", m), each) for m, each in enumerate(made.only)),
    )


def _days(text: str) -> int:
    found = re.fullmatch(r"([1-9][0-9]?)([dw])", text)
    if not found:
        raise ValueError(f"a turn is a number of days or weeks, as 1d or 2w, not {text!r}")
    return int(found[1]) * (7 if found[2] == "w" else 1)


def _handover(text: str) -> int:
    found = seconds(text)
    if found == 86_400:
        raise ValueError("the handover is before 24:00")
    return found


def _hours(source: Source, place: Path_, made: HoursOf) -> Hours:
    begin = _said(source, (*place, "from"), seconds, made.begin)
    end = _said(source, (*place, "to"), seconds, made.end)
    return Hours(begin % 86_400, end, frozenset(made.days))


def _override(source: Source, place: Path_, name: str, made: OverrideOf, zone: ZoneInfo, people: set[str]) -> Override:
    _known(source, (*place, "person"), made.person, people)
    begin = _said(source, (*place, "from"), lambda t: _moment(t, zone), made.begin)
    end = _said(source, (*place, "to"), lambda t: _moment(t, zone), made.end)
    if end <= begin:
        raise source.refuse((*place, "to"), "ends before it begins")
    return Override(schedule=name, person=made.person, begin=begin, end=end, reason=made.reason)


def _moment(text: str, zone: ZoneInfo) -> float:
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=zone)).timestamp()


def _policy(
    source: Source, place: Path_, made: PolicyOf, people: set[str], schedules: Mapping[str, Schedule]
) -> Policy:
    if not made.steps:
        raise source.refuse((*place, "steps"), "a policy needs steps")
    if not 0 <= made.repeat <= 100:
        raise source.refuse((*place, "repeat"), "must be between 0 and 100")
    for n, step in enumerate(made.steps):
        here = (*place, "steps", n)
        if not step.notify or step.wait <= 0:
            raise source.refuse((*here, "notify"), "a step notifies somebody, and waits more than zero")
        for m, word in enumerate(step.notify):
            _known_word(source, (*here, "notify", m), word, people, schedules)
    steps = tuple(Step(step.notify, step.wait, step.via) for step in made.steps)
    return Policy(made.name, steps, made.repeat)


def _known_word(source: Source, place: Path_, word: str, people: set[str], schedules: Mapping[str, Schedule]) -> None:
    kind, colon, name = word.partition(":")
    if not colon:
        _known(source, place, word, people | {EVERYONE})
    elif kind not in ("schedule", "next"):
        raise source.refuse(place, f"{word!r} is none of schedule:NAME, next:NAME, everyone, or a person's id")
    elif name not in schedules:
        raise source.refuse(place, f"no schedule named {name!r}", nearest(name, sorted(schedules)))


def _quiet(source: Source, place: Path_, made: QuietOf) -> Quiet:
    zone = _zone(source, (*place, "time_zone"), made.time_zone)
    if "critical" in made.severities:
        raise source.refuse((*place, "severities"), "critical alerts are never kept")
    hours = tuple(_hours(source, (*place, "hours", n), each) for n, each in enumerate(made.hours))
    if not hours:
        raise source.refuse((*place, "hours"), "quiet hours need hours")
    return Quiet(frozenset(made.severities), hours, zone)


def _known(source: Source, place: Path_, person: str, people: set[str]) -> None:
    if person not in people:
        raise source.refuse(place, f"nobody with the id {person!r}", nearest(person, sorted(people)))


def _zone(source: Source, place: Path_, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise source.refuse(place, f"no time zone {name!r}", "e.g. Asia/Shanghai") from error


def _said(source: Source, place: Path_, parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise source.refuse(place, str(error)) from error
