"""The other members of a cluster, as the alert pipeline sees them. Alone, there are none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from opsctl.alerts.dedup import Entry
from opsctl.alerts.silence import Silence

Place = tuple[str, str]
"""(group key, integration key)."""


class Others(Protocol):
    """What the pipeline tells the others, and what it asks about them."""

    def wait(self) -> float:
        """Seconds that we leave to those who go before us."""
        ...

    async def catch_up(self) -> None:
        """Returns when we know what the others know: at once, unless we have just stood still."""
        ...

    def intends(self, place: Place) -> Entry | None:
        """What another member, which answers, is about to tell; None when none is."""
        ...

    def queued(self, place: Place, entry: Entry, now: float) -> None:
        """We are about to tell a place."""
        ...

    def told(self, place: Place, entry: Entry) -> None:
        """A place has been told."""
        ...

    def called(self, channel: str, at: float) -> None:
        """A channel with a limited rate was called."""
        ...

    def silenced(self, silences: Iterable[Silence]) -> None:
        """Silences have changed."""
        ...


class Alone:
    """No others."""

    def wait(self) -> float:
        return 0.0

    async def catch_up(self) -> None:
        return None

    def intends(self, place: Place) -> Entry | None:
        return None

    def queued(self, place: Place, entry: Entry, now: float) -> None:
        return None

    def told(self, place: Place, entry: Entry) -> None:
        return None

    def called(self, channel: str, at: float) -> None:
        return None

    def silenced(self, silences: Iterable[Silence]) -> None:
        return None
