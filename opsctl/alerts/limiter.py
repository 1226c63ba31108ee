"""The limiter of one robot: never more than `rate` calls in any rolling minute. Pure: times in, a time out."""

from __future__ import annotations

from collections.abc import Iterable

WINDOW = 61.0  # a second more than the robot's own minute, for the way there


class Limiter:
    """Remembers when calls ended (a call in flight counts as ending now); `rate` 0 lets everything pass.

    A fifth of the rate, at least one, is kept for urgent calls.
    """

    def __init__(self, rate: int, known: Iterable[float] = ()) -> None:
        self.rate = rate
        self._times = sorted(known)

    def wait(self, now: float, urgent: bool) -> float:
        """Seconds until the next call may begin."""
        if not self.rate:
            return 0.0
        self._times = [t for t in self._times if t > now - WINDOW]
        room = self.rate if urgent or self.rate < 2 else self.rate - max(1, self.rate // 5)
        if len(self._times) < room:
            return 0.0
        return max(0.0, self._times[len(self._times) - room] + WINDOW - now)

    def took(self, at: float) -> None:
        """Counts a call that is about to begin at `at`."""
        self._times.append(at)

    def ended(self, began: float, at: float) -> None:
        """The call that began then has ended: the robot may have counted it as late as `at`."""
        if began in self._times:
            self._times.remove(began)
            self._times.append(at)
            self._times.sort()
