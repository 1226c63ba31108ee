"""The rate of requests, by the configuration in force."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from random import Random


class Pace:
    """Gives out turns at `rate()` a second on average, with the gaps of independent people (exponential).

    A rate of 0 pauses everybody. Turns missed while nobody asked are not made up for.
    """

    def __init__(self, rate: Callable[[], float], chance: Random) -> None:
        self._rate = rate
        self._chance = chance
        self._next = 0.0

    async def turn(self) -> None:
        """Waits for the next turn."""
        while self._rate() <= 0:
            await asyncio.sleep(0.5)
        now = time.monotonic()
        at = max(self._next, now)
        self._next = at + min(self._chance.expovariate(self._rate()), 5 / self._rate())
        await asyncio.sleep(at - now)
