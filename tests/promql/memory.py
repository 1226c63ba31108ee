"""A list of series as a Querier, and series written in Prometheus' notation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from opsctl.model.matcher import Matcher, matches_all
from opsctl.model.series import Series
from opsctl.promql.notation import described


class Memory:
    """Answers from a list; counts the questions."""

    def __init__(self, *lines: str, step_ms: int = 60_000, start_ms: int = 0) -> None:
        self.series = [described(line).series(start_ms, step_ms) for line in lines]
        self.asked = 0

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Series]:
        self.asked += 1
        found = []
        for each in self.series:
            if matches_all(matchers, each.labels):
                lo, hi = np.searchsorted(each.times, [start_ms, end_ms + 1])
                found.append(Series(each.labels, each.times[lo:hi], each.values[lo:hi]))
        return found
