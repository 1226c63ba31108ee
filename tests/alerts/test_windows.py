"""Time intervals: what is inside, month by month and zone by zone."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from opsctl.alerts.document import TimesOf, WindowOf
from opsctl.alerts.windows import parse_window


def holds(at: str, zone: str = "UTC", **keys: Any) -> bool:
    window = parse_window(WindowOf(**keys))
    return window.holds(datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(zone)).timestamp())


@pytest.mark.parametrize(
    ("at", "days", "inside"),
    [
        ("2026-02-28", "-1", True),
        ("2028-02-28", "-1", False),
        ("2028-02-29", "-1", True),
        ("2026-02-26", "-3:-1", True),
        ("2026-02-25", "-3:-1", False),
        ("2026-02-28", "1:31", True),
        ("2026-02-28", "31", False),
        ("2026-02-28", "29:31", False),
        ("2026-04-30", "29:31", True),
        ("2026-02-01", "-31:-28", True),
        ("2026-03-01", "-31:-28", True),
        ("2026-03-05", "-31:-28", False),
        ("2026-03-20", "15:-5", True),
        ("2026-03-28", "15:-5", False),
    ],
)
def test_days_of_month(at: str, days: str, inside: bool) -> None:
    assert holds(at, days_of_month=(days,)) is inside


def test_the_end_of_a_time_is_outside_and_24_00_is_midnight() -> None:
    day = (TimesOf(start_time="09:00", end_time="17:00"),)
    assert [holds(f"2026-01-01T{t}", times=day) for t in ("08:59", "09:00", "16:59", "17:00")] == [
        False,
        True,
        True,
        False,
    ]
    assert holds("2026-01-01T23:59", times=(TimesOf(start_time="23:00", end_time="24:00"),))


def test_a_zone_moves_all_of_it() -> None:
    keys: dict[str, Any] = {"weekdays": ("monday",), "location": "Asia/Shanghai"}
    assert holds("2026-11-22T16:30", **keys)  # Sunday in UTC
    assert not holds("2026-11-23T16:30", **keys)
    summer = {"times": (TimesOf(start_time="09:00", end_time="10:00"),), "location": "Europe/Berlin"}
    assert holds("2026-07-01T07:30", **summer)
    assert holds("2026-01-01T08:30", **summer)


def test_all_that_is_given_must_hold() -> None:
    keys: dict[str, Any] = {"months": ("january", "3:4"), "years": ("2026:2027",), "weekdays": ("saturday", "sunday")}
    assert holds("2026-01-03", **keys)
    assert not holds("2026-01-05", **keys)
    assert not holds("2026-02-01", **keys)
    assert not holds("2028-01-01", **keys)
