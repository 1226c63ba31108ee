"""Calendars as people write them: bounds and overlaps refused by name, whatever the bytes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from platform_app.kit.problem import Problem
from platform_app.orders.calendar import USUAL_CALENDAR
from platform_app.orders.hours import CalendarIn, checked, kept, read


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"week": {"mon": ["8:00-12:00"]}}, "week.mon.0", "HH:MM-HH:MM"),
        ({"week": {"mon": ["05:00-12:00"]}}, "week.mon.0", "06:00–24:00"),
        ({"week": {"mon": ["12:00-12:00"]}}, "week.mon.0", "开始早于结束"),
        ({"week": {"mon": ["23:00-24:30"]}}, "week.mon.0", "06:00–24:00"),
        ({"week": {"mon": ["08:15-12:00"]}}, "week.mon.0", "整点或半点"),
        ({"week": {"sun": ["08:00-12:00", "11:30-14:00"]}}, "week.sun.1", "重叠"),
        ({"week": {"sun": ["12:00-14:00", "08:00-10:00"]}}, "week.sun.1", "顺序"),
        ({"week": {"someday": []}}, "week.someday", "星期"),
        ({"breaks": {"tue": ["06:30-07:00"]}}, "breaks.tue", "不在工作时间内"),
        ({"leave": [{"first": "2026-12-05", "last": "2026-12-01"}]}, "leave.0", "不早于"),
        ({"leave": [{"first": "2026-12-05", "last": "2028-12-05"}]}, "leave.0", "一年"),
        ({"leave": [{"first": "2026-02-30", "last": "2026-03-01"}]}, "leave.0.first", "日期"),
        (
            {"leave": [{"first": "2026-12-01", "last": "2026-12-05"}, {"first": "2026-12-05", "last": "2026-12-06"}]},
            "leave.1",
            "重叠",
        ),
        ({"days": {"20261201": []}}, "days.20261201", "日期"),
        ({"days": {"2026-12-01": ["08:00-10:00", "09:00-11:00"]}}, "days.2026-12-01.1", "重叠"),
    ],
)
def test_mistakes_are_named(given: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(Problem) as refused:
        checked(CalendarIn(version=0, **given))
    assert (refused.value.status, refused.value.code) == (422, "calendar_invalid")
    assert [e["field"] for e in refused.value.extra["errors"]] == [field]
    assert words in refused.value.detail


def test_a_calendar_is_kept_as_it_was_meant() -> None:
    given = CalendarIn(
        version=0,
        week={"mon": ["08:00-12:00", "13:00-24:00"], "sun": []},
        breaks={"mon": ["10:00-10:30"]},
        leave=[{"first": "2026-12-05", "last": "2026-12-06", "reason": "家事"}],  # type: ignore[list-item]
        days={"2026-12-01": [], "2026-12-02": ["06:00-07:00"]},
        holidays_off=True,
    )
    found = checked(given)
    assert read(kept(found)) == found
    assert read("{}") is USUAL_CALENDAR
    assert found.spans("2026-12-07") == ((480, 600), (630, 720), (780, 1440))
    assert found.spans("2026-12-05") == found.spans("2026-12-01") == found.spans("2026-01-01") == ()
    assert found.spans("2026-12-02") == ((360, 420),)
    assert found.why_not("2026-01-01") == "服务者元旦休息"


words = st.one_of(st.text(max_size=12), st.from_regex(r"[0-2]\d:[0-5]\d-[0-2]\d:[0-5]\d", fullmatch=True))


@given(st.dictionaries(st.one_of(st.sampled_from(["mon", "sun"]), st.text(max_size=4)), st.lists(words, max_size=4)))
def test_any_text_is_taken_or_refused_by_name(week: dict[str, list[str]]) -> None:
    try:
        found = checked(CalendarIn(version=0, week=week, days=week))
    except ValidationError:
        return
    except Problem as refused:
        named = [e["field"] for e in refused.extra["errors"]]
        if named and all(field.startswith(("week.", "days.")) for field in named):
            return
        raise
    assert read(kept(found)) == found
