"""What people choose, and when their turn comes."""

from __future__ import annotations

import time
import zlib
from random import Random

from platform_app.seed.city import CATEGORIES, DISTRICTS
from platform_app.traffic import choice
from platform_app.traffic.jobs import Job, Jobs
from platform_app.traffic.pace import Pace
from platform_app.traffic.people import customer_phone, next_customer
from platform_app.traffic.provider import png


def test_a_service_and_the_way_must_fit_into_free_half_hours() -> None:
    slots = [{"starts_at": f"s{n}", "free": n not in (3, 9)} for n in range(12)]
    assert choice.free_starts(slots, 60) == ["s0", "s4", "s5", "s6"]
    assert choice.free_starts(slots, 120) == ["s4"]
    assert choice.free_starts([], 60) == []


def test_the_same_seed_makes_the_same_choices() -> None:
    one, two = Random(7), Random(7)
    assert [choice.query(one, DISTRICTS) for _ in range(20)] == [choice.query(two, DISTRICTS) for _ in range(20)]
    days = [choice.days_ahead(one) for _ in range(500)]
    assert min(days) == 1
    assert max(days) <= choice.FURTHEST_DAYS
    assert len(CATEGORIES) == choice.CATEGORIES


def test_mostly_those_come_who_are_logged_in() -> None:
    chance, known = Random(7), [customer_phone(n) for n in range(1, 31)]
    newcomers = [p for p in (next_customer(chance, known) for _ in range(1000)) if p not in known]
    assert 50 < len(newcomers) < 150
    assert next_customer(chance, []).startswith("1380000")


def test_jobs_come_due_in_order() -> None:
    jobs = Jobs()
    jobs.add(Job(2, 1, 50.0))
    jobs.add(Job(1, 1, 10.0))
    jobs.add(Job(1, 1, 10.0), "complete", 70.0)
    assert jobs.take(5.0) is None
    assert [jobs.take(60.0), jobs.take(60.0), jobs.take(60.0)] == [
        ("accept", Job(1, 1, 10.0)),
        ("accept", Job(2, 1, 50.0)),
        None,
    ]
    assert len(jobs) == 1


async def test_the_pace_holds_the_rate() -> None:
    pace = Pace(lambda: 200.0, Random(7))
    started = time.monotonic()
    for _ in range(200):
        await pace.turn()
    assert 0.7 < time.monotonic() - started < 2.0


def test_a_photo_is_a_valid_png() -> None:
    photo = png(Random(7))
    assert photo.startswith(b"\x89PNG\r\n\x1a\n")
    assert 1_000 < len(photo) < 4_000
    assert photo[-8:-4] == b"IEND"
    assert int.from_bytes(photo[-4:], "big") == zlib.crc32(b"IEND")
