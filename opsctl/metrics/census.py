"""How many series there may be: in all, and in memory of each target. Planning only: who counts as one too many."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from opsctl.core.log import Log
from opsctl.metrics.index import Refs

LOG = Log("opsctl.metrics")
_AGAIN = 60.0
"""A target is logged, and shown, once in so many seconds."""
_MOST_TARGETS = 100


@dataclass(frozen=True)
class SeriesLimits:
    """Most series known at all, and most series of a target (a source of batches) in memory; 0: no limit."""

    total: int = 0
    per_target: int = 0


@dataclass
class Census:
    """Counts the series of every target since the head was last cut, and says how many new ones may come."""

    limits: SeriesLimits
    refused: int = 0
    """Samples refused, ever."""
    shown: dict[str, int] = field(default_factory=dict)
    """Target → samples refused of it in the minute that was logged last."""

    def __post_init__(self) -> None:
        self._owner = np.full(0, -1, dtype=np.int32)
        self._numbers: dict[str, int] = {}
        self._counts: dict[int, int] = {}
        self._fresh: dict[str, int] = {}
        self._logged: dict[str, float] = {}

    def room(self, source: str, known: int) -> int | None:
        """How many new series this source may bring while `known` are known in all; None: any number."""
        rooms = []
        if self.limits.total:
            rooms.append(self.limits.total - known)
        if self.limits.per_target:
            rooms.append(self.limits.per_target - self._counts.get(self._numbers.get(source, -1), 0))
        return max(0, min(rooms)) if rooms else None

    def claim(self, source: str, refs: Refs) -> None:
        """Counts series for the first source that brings them."""
        if not self.limits.per_target or not len(refs):
            return
        needed = int(refs.max()) + 1
        if needed > len(self._owner):
            more = max(needed, len(self._owner) * 5 // 4) - len(self._owner)
            self._owner = np.concatenate([self._owner, np.full(more, -1, dtype=np.int32)])
        number = self._numbers.setdefault(source, len(self._numbers))
        free = np.unique(refs[self._owner[refs] < 0])
        self._owner[free] = number
        self._counts[number] = self._counts.get(number, 0) + len(free)

    def recount(self, held: Iterable[tuple[str, Refs]]) -> None:
        """Counts anew from the series in memory, by source."""
        self._owner[:] = -1
        self._numbers, self._counts = {}, {}
        for source, refs in held:
            self.claim(source, refs)

    def refuse(self, source: str, samples: int) -> None:
        self.refused += samples
        if source in self._fresh or len(self._fresh) < _MOST_TARGETS:
            self._fresh[source] = self._fresh.get(source, 0) + samples

    def report(self, now: float) -> None:
        """Logs each target that was refused samples, once a minute; forgets those that are well again."""
        for source, samples in list(self._fresh.items()):
            if now - self._logged.get(source, float("-inf")) >= _AGAIN:
                del self._fresh[source]
                self._logged[source], self.shown[source] = now, samples
                LOG.warning(
                    "metrics.series_limit_exceeded", target=source, refused_samples=samples,
                    most_per_target=self.limits.per_target, most_in_all=self.limits.total,
                )  # fmt: skip
        for source, at in list(self._logged.items()):
            if now - at >= 2 * _AGAIN and source not in self._fresh:
                del self._logged[source]
                self.shown.pop(source, None)
