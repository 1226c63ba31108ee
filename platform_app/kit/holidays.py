"""China's public holidays: the days off, bridge days included, as the State Council publishes them each autumn.

Years not yet published (2027 here) hold the statutory days alone. Source: 国办发明电, 关于部分节假日安排的通知.
"""

from __future__ import annotations

from datetime import date, timedelta

_SPANS = (
    ("2026-01-01", 3, "元旦"),
    ("2026-02-15", 9, "春节"),
    ("2026-04-04", 3, "清明节"),
    ("2026-05-01", 5, "劳动节"),
    ("2026-06-19", 3, "端午节"),
    ("2026-09-25", 3, "中秋节"),
    ("2026-10-01", 7, "国庆节"),
    ("2027-01-01", 1, "元旦"),
    ("2027-02-05", 4, "春节"),
    ("2027-04-05", 1, "清明节"),
    ("2027-05-01", 2, "劳动节"),
    ("2027-06-09", 1, "端午节"),
    ("2027-09-15", 1, "中秋节"),
    ("2027-10-01", 3, "国庆节"),
)
HOLIDAYS = {
    (date.fromisoformat(first) + timedelta(days=n)).isoformat(): name
    for first, length, name in _SPANS
    for n in range(length)
}
"""Day (YYYY-MM-DD, Shanghai) → the holiday's name."""
