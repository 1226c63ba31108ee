"""Free starts: what is computed is what one finds by walking the day minute by minute."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from platform_app.kit.config import Orders
from platform_app.kit.holidays import HOLIDAYS
from platform_app.kit.problem import Problem
from platform_app.kit.times import day_of, midnight, parse_iso
from platform_app.orders.calendar import USUAL_CALENDAR, Calendar, Leave, Span, without
from platform_app.orders.places import CENTRES, Place, distance_km, gap_minutes
from platform_app.orders.slots import Ask, Busy, Job, check_start, conflict, fits, slots_of, starts

FIRST = date(2026, 12, 28)
DAYS = [(FIRST + timedelta(days=n)).isoformat() for n in range(10)]
RULES = Orders()
NOW = parse_iso("2026-12-29T09:17:00+08:00")

half_hours = st.integers(12, 48).map(lambda n: n * 30)


@st.composite
def spans(draw: st.DrawFn, most: int = 3) -> tuple[Span, ...]:
    edges = sorted(draw(st.lists(half_hours, min_size=2, max_size=2 * most, unique=True)))
    return tuple(zip(edges[::2], edges[1::2], strict=False))


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    week = tuple(draw(spans()) if draw(st.booleans()) else USUAL_CALENDAR.week[n] for n in range(7))
    breaks = tuple(draw(spans(1)) if draw(st.booleans()) else () for _ in range(7))
    leave = draw(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=2))
    days = draw(st.dictionaries(st.sampled_from(DAYS), st.one_of(st.just(()), spans()), max_size=3))
    gone = tuple(Leave(DAYS[a], DAYS[min(9, a + n)]) for a, n in leave)
    return Calendar(week, breaks, gone, days, draw(st.booleans()))


places = st.one_of(
    st.none(),
    st.sampled_from(sorted(CENTRES.values(), key=lambda p: p.lat_e6)),
    st.builds(Place, st.integers(30_000_000, 30_600_000), st.integers(119_900_000, 120_600_000)),
)


@st.composite
def busys(draw: st.DrawFn) -> Busy:
    """Jobs as bookings leave them: their half hours are apart; an operator may have put two too near for the way."""
    jobs: list[Job] = []
    free_from = midnight(DAYS[0])
    for number in range(draw(st.integers(0, 14))):
        start = free_from + draw(st.integers(0, 30)) * 1800
        minutes = draw(st.integers(1, 16)) * 15
        jobs.append(Job(number, start, start + minutes * 60, draw(places)))
        free_from = slots_of(start, minutes, RULES.travel_minutes)[-1] + 1800
    taken = {s for j in jobs for s in slots_of(j.start, (j.end - j.start) // 60, RULES.travel_minutes)}
    return Busy(tuple(jobs), frozenset(taken))


def walked(at: int, ask: Ask, calendar: Calendar, busy: Busy) -> bool:
    """Whether a job can begin at `at`, told without any of the code under test but the length of the ways."""
    day, end = day_of(at), at + ask.minutes * 60
    weekday = date.fromisoformat(day).weekday()
    for minute in range(at, end, 60):
        of_day = (minute - midnight(day)) // 60
        if day in calendar.days:
            working = any(a <= of_day < b for a, b in calendar.days[day])
        else:
            off = any(e.first <= day <= e.last for e in calendar.leave) or (calendar.holidays_off and day in HOLIDAYS)
            hours = any(a <= of_day < b for a, b in calendar.week[weekday])
            pause = any(a <= of_day < b for a, b in calendar.breaks[weekday])
            working = not off and hours and not pause
        if not working or of_day >= 1440:
            return False
    for job in busy.jobs:
        if at < job.end and job.start < end:
            return False
    before = [j for j in busy.jobs if j.end <= at]
    after = [j for j in busy.jobs if j.start >= end]
    if before and at - before[-1].end < 60 * gap_minutes(before[-1].place, ask.place, RULES):
        return False
    if after and after[0].start - end < 60 * gap_minutes(ask.place, after[0].place, RULES):
        return False
    return NOW + RULES.min_notice_minutes * 60 <= at <= NOW + RULES.max_days_ahead * 86_400


@settings(max_examples=150, deadline=None)
@given(calendars(), busys(), st.integers(1, 24).map(lambda n: n * 15), places)
def test_what_is_offered_is_what_walking_finds(
    calendar: Calendar, busy: Busy, minutes: int, place: Place | None
) -> None:
    ask = Ask(minutes, place)
    for day in DAYS:
        wanted = [at for at in range(midnight(day), midnight(day) + 86_400, 1800) if walked(at, ask, calendar, busy)]
        assert list(starts(day, ask, calendar, busy, RULES, NOW)) == wanted, day
        for at in range(midnight(day), midnight(day) + 86_400, 1800):
            assert _bookable(at, ask, calendar, busy) == (at in wanted), "the check of a booking says the same"


def _bookable(at: int, ask: Ask, calendar: Calendar, busy: Busy) -> bool:
    try:
        check_start(at, ask.minutes, RULES, NOW, calendar)
    except Problem as problem:
        if (problem.status, problem.code) == (422, "bad_time"):
            return False
        raise
    return fits(at, ask, busy, RULES)


@given(spans(), spans(1))
def test_spans_less_breaks(hours: tuple[Span, ...], breaks: tuple[Span, ...]) -> None:
    left = without(hours, breaks)
    inside = {m for a, b in hours for m in range(a, b)} - {m for a, b in breaks for m in range(a, b)}
    assert {m for a, b in left for m in range(a, b)} == inside


def test_the_way_between_districts() -> None:
    west, east = CENTRES["西湖区"], CENTRES["钱塘区"]
    assert 34 < distance_km(west, east) < 37
    assert gap_minutes(west, west, RULES) == RULES.travel_minutes
    assert gap_minutes(west, None, RULES) == RULES.travel_minutes
    assert gap_minutes(west, east, RULES) == gap_minutes(east, west, RULES) > 120
    assert gap_minutes(west, Place(39_900_000, 116_400_000), RULES) == RULES.buffer_minutes + 180


def test_a_job_too_near_is_named() -> None:
    far = Job(5, parse_iso("2026-12-30T10:00+08:00"), parse_iso("2026-12-30T11:00+08:00"), CENTRES["钱塘区"])
    busy = Busy((far,), frozenset(slots_of(far.start, 60, 30)))
    ask = Ask(60, CENTRES["西湖区"])
    assert conflict(parse_iso("2026-12-30T11:30+08:00"), ask, busy, RULES) == far
    assert conflict(parse_iso("2026-12-30T08:00+08:00"), ask, busy, RULES) == far
    assert conflict(parse_iso("2026-12-30T14:00+08:00"), ask, busy, RULES) is None
