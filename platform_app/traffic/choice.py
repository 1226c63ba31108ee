"""What people choose: pure, by the seeded chance that they are given."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

GRAIN = 1800
TRAVEL_MINUTES = 30
FURTHEST_DAYS = 25
CATEGORIES = 9

KEYWORDS = ("保洁", "家电", "月嫂", "保姆", "擦窗", "空调", "搬家", "收纳")
SORTS = ("rating", "price", "-price", "newest")


def query(chance: Random, districts: Sequence[str]) -> dict[str, str]:
    """What somebody looks for."""
    wish = {"limit": "20", "sort": chance.choice(SORTS)}
    roll = chance.random()
    if roll < 0.5 and districts:
        wish["district"] = chance.choice(districts)
    elif roll < 0.8:
        wish["category"] = str(chance.randint(1, CATEGORIES))
    elif roll < 0.9:
        wish["q"] = chance.choice(KEYWORDS)
    if chance.random() < 0.2:
        wish["min_rating"] = "4.6"
    return wish


def days_ahead(chance: Random) -> int:
    """How far ahead somebody books: tomorrow rather than next week, never today."""
    return 1 + min(int(chance.expovariate(1 / 6)), FURTHEST_DAYS - 1)


def free_starts(slots: Sequence[dict[str, Any]], minutes: int) -> list[str]:
    """The starts of a day from which a service and the way to the next one fit into free half hours."""
    needed = -(-(minutes + TRAVEL_MINUTES) * 60 // GRAIN)
    starts = []
    for index in range(len(slots) - needed + 1):
        if all(slot["free"] for slot in slots[index : index + needed]):
            starts.append(str(slots[index]["starts_at"]))
    return starts
