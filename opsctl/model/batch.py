"""A batch: what one target, or one rule group, measured at one instant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opsctl.model.labels import Labels


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """Samples that share their time. `source` says who measures, and stays the same from batch to batch.

    Hand over the same `labels` object as long as the series stay the same: stores remember it.
    """

    source: str
    at_ms: int
    labels: tuple[Labels, ...]
    values: NDArray[np.float64]
