"""A series: one label set and its samples over time."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from opsctl.model.labels import Labels
from opsctl.model.matcher import Matcher

STALE: float = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
"""The NaN that marks a series as gone. Source: prometheus model/value.StaleNaN."""
STALE_BITS = 0x7FF0000000000002


def is_stale(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which values are the staleness marker (an ordinary NaN is not)."""
    bits: NDArray[np.bool_] = np.ascontiguousarray(values).view(np.uint64) == STALE_BITS
    return bits


@dataclass(frozen=True, eq=False, slots=True)
class Series:
    """Samples of one label set: `times` in ms since the epoch (int64, rising), `values` float64."""

    labels: Labels
    times: NDArray[np.int64]
    values: NDArray[np.float64]


class Querier(Protocol):
    """Where PromQL finds its samples: the embedded store, or a list in a test."""

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Sequence[Series]:
        """The series that meet every matcher, with their samples in [start_ms, end_ms], staleness markers included."""
        ...
