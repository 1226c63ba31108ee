"""The sections that answer a query as flat samples, for PromQL."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from opsctl.metrics.index import LabelIndex
from opsctl.metrics.loose import untangled
from opsctl.metrics.section import Section, is_absent
from opsctl.model.samples import Samples, edges_of, joined


def to_samples(sections: Sequence[Section], index: LabelIndex) -> Samples:
    """Joins the sections of each series in time order. Series of one source keep sharing their times."""
    apart = untangled(sections, index.size)
    places, labels = index.ordered(joined([s.refs for s in apart], np.int64))
    heights = np.array([len(s.refs) for s in apart], dtype=np.int64)
    widths = np.repeat(np.array([len(s.times) for s in apart], dtype=np.int64), heights)
    axes = np.repeat(np.arange(len(apart), dtype=np.int64), heights)
    times = [s.times for s in apart]
    found = Samples(
        labels, (np.cumsum(widths) - widths)[places], axes[places], joined(times, np.int64), edges_of(times),
        joined([s.values for s in apart], np.float64),
    )  # fmt: skip
    gaps = is_absent(found.values)
    return found.without(gaps) if gaps.any() else found
