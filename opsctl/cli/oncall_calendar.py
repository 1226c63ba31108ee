"""A calendar of shifts for the terminal: one cell a day, one line a change of duty."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from rich.table import Table
from rich.text import Text

from opsctl.core.clock import SHANGHAI, parse_iso
from opsctl.oncall.workdays import is_workday

_HEADS = ("一 Mon", "二 Tue", "三 Wed", "四 Thu", "五 Fri", "六 Sat", "日 Sun")
_COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "bright_red", "bright_cyan", "bright_green")


def month(shifts: Sequence[dict[str, Any]], begin: float, days: int) -> Table:
    """Weeks as rows. `班` marks a weekend that is worked, `休` a holiday on a weekday."""
    made = Table(show_lines=True, pad_edge=False, padding=(0, 0), header_style="bold")
    for head in _HEADS:
        made.add_column(head, width=10)
    first = datetime.fromtimestamp(begin, SHANGHAI).date()
    last = first + timedelta(days=days - 1)
    colours = _colours(shifts)
    monday = first - timedelta(days=first.weekday())
    while monday <= last:
        week = [monday + timedelta(days=n) for n in range(7)]
        made.add_row(*(_cell(day, shifts, colours) if first <= day <= last else "" for day in week))
        monday += timedelta(days=7)
    return made


def _colours(shifts: Sequence[dict[str, Any]]) -> dict[str, str]:
    people = dict.fromkeys(s["person"]["id"] for s in shifts if s["person"])
    return {person: _COLOURS[n % len(_COLOURS)] for n, person in enumerate(people)}


def _cell(day: date, shifts: Sequence[dict[str, Any]], colours: dict[str, str]) -> Text:
    text = Text(day.strftime("%m-%d"), "bold")
    if is_workday(day) != (day.weekday() < 5):
        text.append(" 班" if is_workday(day) else " 休", "bold red")
    start = datetime.combine(day, datetime.min.time(), SHANGHAI).timestamp()
    for shift in shifts:
        begin, end = parse_iso(shift["begin"]), parse_iso(shift["end"])
        if begin >= start + 86_400 or end <= start:
            continue
        hour = "" if begin <= start else datetime.fromtimestamp(begin, SHANGHAI).strftime("%H:%M ")
        person = shift["person"]
        text.append(
            f"\n{hour}{person['name'] if person else '无人'}", colours[person["id"]] if person else "bold white on red"
        )
    return text
