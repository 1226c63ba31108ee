"""The limiter of one robot: never more than its rate in any rolling minute, and never long for what is urgent.

Of `rate` calls a minute some are *kept*: beyond the rest (the *open* ones) only urgent calls pass, each a *pulse* after
the one before. So a critical message waits for one pulse at most, however long a storm lasts: in a window of W seconds
there are at most `open` calls that were not pulses, and W/pulse = kept that were. Half of the open ones may go at once;
after that calls are spread, so that the next digest is never a minute away. The further pages of an urgent digest may
use all but two of the kept ones: a storm that large would rather be named now. Pure: times in, a time out.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable

WINDOW = 61.0  # a second more than the robot's own minute, for the way there
_LAST = 2
_KEPT = 7  # so many pulses a window: one in less than nine seconds


class Limiter:
    """Remembers when calls ended (a call in flight counts as ending now); `rate` 0 lets everything pass.

    `also`: further limits that are never exceeded, each (calls, seconds).
    """

    def __init__(self, rate: int, known: Iterable[float] = (), also: tuple[tuple[int, float], ...] = ()) -> None:
        self.rate, self.also = rate, also
        self._times = sorted(known)

    @property
    def kept(self) -> int:
        """Calls of the rate that only urgent ones may use."""
        return min(_KEPT, max(1, self.rate * 2 // 5)) if self.rate > 1 else 0

    @property
    def pulse(self) -> float:
        """Seconds that an urgent call waits at most, as long as one call at a time tells all that waits."""
        return WINDOW / self.kept if self.kept else WINDOW

    def wait(self, now: float, urgent: bool, going_on: bool = False) -> float:
        """Seconds until the next call may begin; `going_on`: it continues a message, so it need not be spread."""
        if not self.rate:
            return 0.0
        self._forget(now)
        hard = max(self._until_under(room, seconds, now) for room, seconds in ((self.rate, WINDOW), *self._also()))
        kept = min(self.kept, _LAST) if urgent and going_on else self.kept
        calm = self._until_under(self.rate - kept, WINDOW, now)
        spread = 0.0 if going_on or self.burst(now) else self._after_last(self._spread(urgent), now)
        wait = max(calm, spread)
        return max(hard, min(wait, self._after_last(self.pulse, now)) if urgent and self.kept else wait)

    def burst(self, now: float) -> int:
        """How many calls may go at once now without being spread."""
        used = len(self._times) - bisect_right(self._times, now - WINDOW)
        return max(0, max(1, (self.rate - self.kept) // 2) - used)

    def used(self, now: float) -> int:
        """Calls in the last minute."""
        return len(self._times) - bisect_right(self._times, now - WINDOW)

    def took(self, at: float) -> None:
        """Counts a call that is about to begin at `at`."""
        insort(self._times, at)

    def ended(self, began: float, at: float) -> None:
        """The call that began then has ended: the robot may have counted it as late as `at`."""
        if began in self._times:
            self._times.remove(began)
            insort(self._times, at)

    def _also(self) -> tuple[tuple[int, float], ...]:
        return tuple((calls, seconds * WINDOW / 60.0) for calls, seconds in self.also)

    def _spread(self, urgent: bool) -> float:
        return WINDOW / (1.2 * self.rate) if urgent else WINDOW / max(1, self.rate - self.kept)

    def _until_under(self, room: int, seconds: float, now: float) -> float:
        used = len(self._times) - bisect_right(self._times, now - seconds)
        return 0.0 if used < room else max(0.0, self._times[len(self._times) - room] + seconds - now)

    def _after_last(self, seconds: float, now: float) -> float:
        return max(0.0, self._times[-1] + seconds - now) if self._times else 0.0

    def _forget(self, now: float) -> None:
        longest = max([WINDOW, *(seconds for _, seconds in self._also())])
        del self._times[: bisect_right(self._times, now - longest)]
