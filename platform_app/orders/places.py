"""Where work is, and how long the way from one place to the next takes. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from platform_app.kit.config import Orders

EARTH_KM = 6371.0
MICRO = 1_000_000
DETOUR = 1.3
"""Streets are longer than the straight line by about this much."""
FURTHEST_MINUTES = 180
"""No way is taken to be longer: a day's view need not look further than this for its neighbours."""


@dataclass(frozen=True, slots=True)
class Place:
    """A point, in millionths of a degree."""

    lat_e6: int
    lng_e6: int


CENTRES = {
    "上城区": Place(30_257_000, 120_170_000),
    "拱墅区": Place(30_319_500, 120_141_500),
    "西湖区": Place(30_259_400, 120_130_300),
    "滨江区": Place(30_208_400, 120_212_000),
    "萧山区": Place(30_183_400, 120_264_400),
    "余杭区": Place(30_273_300, 119_978_500),
    "临平区": Place(30_419_000, 120_299_300),
    "钱塘区": Place(30_322_800, 120_493_800),
}
"""The seats of the districts, for addresses without coordinates."""


def place_of(lat: float | None, lng: float | None, district: str) -> Place | None:
    """The point given, else the district's centre, else None: nobody knows."""
    if lat is not None and lng is not None:
        return Place(round(lat * MICRO), round(lng * MICRO))
    return CENTRES.get(district)


def stored(lat_e6: int | None, lng_e6: int | None) -> Place | None:
    """A place as rows hold it."""
    return None if lat_e6 is None or lng_e6 is None else Place(lat_e6, lng_e6)


def distance_km(a: Place, b: Place) -> float:
    """Along the great circle (haversine)."""
    lat_a, lat_b = math.radians(a.lat_e6 / MICRO), math.radians(b.lat_e6 / MICRO)
    east, north = math.radians((b.lng_e6 - a.lng_e6) / MICRO), lat_b - lat_a
    half = math.sin(north / 2) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin(east / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(half)))


def gap_minutes(a: Place | None, b: Place | None, rules: Orders) -> int:
    """What must lie between the end of one job and the start of the next: the buffer and the way, whole minutes.

    Never less than `travel_minutes`, which is all there is when one of the places is unknown.
    """
    if a is None or b is None:
        return rules.travel_minutes
    way = math.ceil(distance_km(a, b) * DETOUR / rules.travel_kmh * 60)
    return max(rules.travel_minutes, rules.buffer_minutes + min(way, FURTHEST_MINUTES))
