"""China's public holidays: the days off, bridge days included, as the State Council arranges them each autumn.

A year that is not arranged yet has none. Source: the package chinesecalendar.
"""

from __future__ import annotations

from chinese_calendar import Holiday
from chinese_calendar.constants import holidays

HOLIDAYS: dict[str, str] = {day.isoformat(): Holiday(name).chinese for day, name in holidays.items()}
"""Day (YYYY-MM-DD, Shanghai) → the holiday's name."""
