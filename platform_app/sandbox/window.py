"""Rate limits over rolling windows, as chat robots and SMS gateways have them."""

from __future__ import annotations

from collections import deque


class Window:
    """Counts events of the last `seconds`; at most `limit` of them fit."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self._events: deque[float] = deque()

    def take(self, now: float) -> bool:
        """Counts an event at `now`; False, and not counted, when the window is full."""
        while self._events and self._events[0] <= now - self.seconds:
            self._events.popleft()
        if len(self._events) >= self.limit:
            return False
        self._events.append(now)
        return True


class MutingWindow:
    """A window that, once exceeded, refuses everything for `mute_seconds`, as DingTalk's robots do."""

    def __init__(self, limit: int, seconds: float, mute_seconds: float) -> None:
        self._window = Window(limit, seconds)
        self._mute_seconds = mute_seconds
        self.muted_until = 0.0

    def take(self, now: float) -> bool:
        """Counts an event at `now`; False while muted, or when this one exceeds the limit."""
        if now < self.muted_until:
            return False
        if self._window.take(now):
            return True
        self.muted_until = now + self._mute_seconds
        return False
