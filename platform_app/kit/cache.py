"""A small cache of one process: each entry counts for some seconds, and many who miss at once cause one load."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from prometheus_client import Counter

from platform_app.kit.metrics import Metrics

V = TypeVar("V")


def cache_counter(metrics: Metrics) -> Counter:
    """Counts look-ups of a process' caches: make it once, give it to each."""
    text = "Look-ups in caches: hit, miss, joined (somebody else was loading it)."
    return metrics.counter("platform_cache_requests_total", text, ("cache", "outcome"))


class Cache(Generic[V]):
    """At most `most` entries, the longest unused leave first. A load that fails is not kept: all who waited get its
    error, the next one tries again. What is forgotten while it is being loaded is not kept either."""

    def __init__(self, name: str, counter: Counter, most: int = 2_000) -> None:
        self._most = most
        self._known: OrderedDict[Hashable, tuple[float, V]] = OrderedDict()
        self._loading: dict[Hashable, asyncio.Task[V]] = {}
        self._hits, self._misses, self._joined = (counter.labels(name, o) for o in ("hit", "miss", "joined"))

    async def get(self, key: Hashable, load: Callable[[], Awaitable[V]], seconds: float, now: float) -> V:
        """The value of `key`, loaded when it is unknown or older than `seconds`. Raises what `load` raises."""
        known = self._known.get(key)
        if known is not None and known[0] > now:
            self._known.move_to_end(key)
            self._hits.inc()
            return known[1]
        task = self._loading.get(key)
        if task is None:
            self._misses.inc()
            task = self._loading[key] = asyncio.create_task(self._load(key, load, now + seconds))
            task.add_done_callback(_seen)
        else:
            self._joined.inc()
        return await asyncio.shield(task)  # one who waits and leaves does not end the load for the others

    async def _load(self, key: Hashable, load: Callable[[], Awaitable[V]], until: float) -> V:
        own = asyncio.current_task()
        try:
            value = await load()
            if self._loading.get(key) is own:
                self._known[key] = (until, value)
                while len(self._known) > self._most:
                    self._known.popitem(last=False)
            return value
        finally:
            if self._loading.get(key) is own:
                del self._loading[key]

    def forget(self, key: Hashable) -> None:
        """The next one loads it anew."""
        self._known.pop(key, None)
        self._loading.pop(key, None)

    def clear(self) -> None:
        self._known.clear()
        self._loading.clear()


def _seen(task: asyncio.Task[V]) -> None:
    """Marks a failure as seen, though everybody who waited may have left."""
    if not task.cancelled():
        task.exception()
