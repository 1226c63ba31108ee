"""The picture of a day in docs/SLOTS.md, drawn by the code; OPSCTL_WRITE_DOCS=1 draws it anew."""

from __future__ import annotations

import os
from pathlib import Path

from platform_app.kit.config import Orders
from platform_app.kit.problem import Problem
from platform_app.kit.times import local, parse_iso
from platform_app.orders.calendar import Calendar
from platform_app.orders.places import CENTRES
from platform_app.orders.slots import Ask, Busy, Job, check_start, conflict, slots_of, starts

PAGE = Path(__file__).parents[3] / "docs" / "SLOTS.md"
DAY, NOW = "2026-12-01", parse_iso("2026-11-30T12:00")
CALENDAR = Calendar(week=(((480, 840),),) * 7, breaks=(((660, 720),),) * 7)
JOB = Job(1, parse_iso(f"{DAY}T09:00"), parse_iso(f"{DAY}T09:30"), CENTRES["西湖区"])
BUSY = Busy((JOB,), frozenset(slots_of(JOB.start, 30, 30)))
WHERE = ("西湖区", "滨江区", "钱塘区")


def why(at: int, district: str) -> str:
    """What a booking would be told."""
    ask = Ask(30, CENTRES[district])
    try:
        check_start(at, ask.minutes, Orders(), NOW, CALENDAR)
    except Problem:
        return "not working"
    if not BUSY.taken.isdisjoint(slots_of(at, 30, 30)):
        return "taken"
    return "too near" if conflict(at, ask, BUSY, Orders()) else "free"


def drawn() -> str:
    zero = parse_iso(f"{DAY}T07:30")
    offered = {d: starts(DAY, Ask(30, CENTRES[d]), CALENDAR, BUSY, Orders(), NOW) for d in WHERE}
    lines = ["| start | " + " | ".join(f"work in {d}" for d in WHERE) + " |", "|---|" + "---|" * len(WHERE)]
    for at in range(zero, zero + 14 * 1800, 1800):
        words = [why(at, d) for d in WHERE]
        assert [at in offered[d] for d in WHERE] == [word == "free" for word in words]
        lines.append(f"| {local(at, '%H:%M')} | " + " | ".join(words) + " |")
    return "\n".join(lines)


def test_the_picture_is_true() -> None:
    text = PAGE.read_text(encoding="utf-8")
    head, mark, rest = text.partition("<!-- day -->\n")
    _, end, tail = rest.partition("\n## Prices")
    assert mark, "the page has lost its place for the picture"
    assert end
    fresh = f"{head}{mark}\n{drawn()}\n{end}{tail}"
    if os.environ.get("OPSCTL_WRITE_DOCS"):
        PAGE.write_text(fresh, encoding="utf-8")
    assert text == fresh
