"""The cache: one load for many who miss, nothing kept that failed or was forgotten, bounded."""

from __future__ import annotations

import asyncio

import pytest

from platform_app.kit.cache import Cache, cache_counter
from platform_app.kit.metrics import Metrics


class Source:
    """Something slow to load, that counts; it waits until it is let go, and may fail."""

    def __init__(self) -> None:
        self.loads = 0
        self.open = asyncio.Event()
        self.fails = False

    async def load(self) -> int:
        self.loads += 1
        number = self.loads
        await self.open.wait()
        if self.fails:
            raise LookupError(number)
        return number


def made(most: int = 3) -> tuple[Cache[int], Metrics]:
    metrics = Metrics("test")
    return Cache("things", cache_counter(metrics), most), metrics


async def test_many_who_miss_cause_one_load() -> None:
    cache, metrics = made()
    source = Source()
    waiting = [asyncio.create_task(cache.get("a", source.load, 5, 100)) for _ in range(50)]
    await asyncio.sleep(0)
    waiting[0].cancel()  # one who leaves does not end the load for the others
    source.open.set()
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert done[1:] == [1] * 49
    assert await cache.get("a", source.load, 5, 104.9) == 1
    assert await cache.get("a", source.load, 5, 105) == 2
    text = metrics.text()
    for outcome, count in (("hit", 1), ("miss", 2), ("joined", 49)):
        assert f'platform_cache_requests_total{{cache="things",outcome="{outcome}"}} {count}.0'.encode() in text


async def test_a_failure_reaches_all_who_waited_and_is_not_kept() -> None:
    cache, _ = made()
    source = Source()
    source.fails = True
    waiting = [asyncio.create_task(cache.get("a", source.load, 5, 0)) for _ in range(3)]
    await asyncio.sleep(0)
    source.open.set()
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(each) for each in done] == [LookupError] * 3
    with pytest.raises(LookupError):
        await cache.get("a", source.load, 5, 0)
    source.fails = False
    assert await cache.get("a", source.load, 5, 0) == 3


async def test_what_is_forgotten_while_it_loads_is_loaded_anew() -> None:
    cache, _ = made()
    source = Source()
    first = asyncio.create_task(cache.get("a", source.load, 5, 0))
    await asyncio.sleep(0)
    cache.forget("a")
    second = asyncio.create_task(cache.get("a", source.load, 5, 0))
    await asyncio.sleep(0)
    source.open.set()
    assert (await first, await second) == (1, 2)
    assert await cache.get("a", source.load, 5, 1) == 2, "the older answer never comes back"


async def test_the_longest_unused_leave_first() -> None:
    cache, _ = made(most=2)
    source = Source()
    source.open.set()
    for key in ("a", "b", "a", "c"):
        await cache.get(key, source.load, 5, 0)
    assert source.loads == 3
    assert await cache.get("a", source.load, 5, 0) == 1
    assert await cache.get("b", source.load, 5, 0) == 4
