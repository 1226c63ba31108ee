"""The jobs that wait for a provider: paid orders to accept, accepted ones to complete."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Literal

Act = Literal["accept", "complete"]
LIMIT = 500


@dataclass(frozen=True, order=True, slots=True)
class Job:
    """An order that was paid at `at` (epoch seconds)."""

    order_id: int
    provider_id: int
    at: float


class Jobs:
    """A schedule in memory; after a restart the providers' own lists tell what is left."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Act, Job]] = []

    def __len__(self) -> int:
        return len(self._due)

    def add(self, job: Job, act: Act = "accept", at: float | None = None) -> None:
        """Something to do at `at`, at once by default. When far too much waits, the newest is left undone."""
        if len(self._due) < LIMIT:
            heapq.heappush(self._due, (job.at if at is None else at, job.order_id, act, job))

    def take(self, now: float) -> tuple[Act, Job] | None:
        """The next thing to do, if its time has come."""
        if not self._due or self._due[0][0] > now:
            return None
        _, _, act, job = heapq.heappop(self._due)
        return act, job
