"""Export: a store's families → their samples, span by span → OpenMetrics text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import IO

from opsctl.metrics.openmetrics_families import Family, Known, families
from opsctl.metrics.openmetrics_spool import Spool
from opsctl.metrics.openmetrics_text import EOF_LINE, grouped, text_of
from opsctl.metrics.span_reading import SAMPLES, oldest_ms, spans
from opsctl.metrics.storage import Matchers, Storage
from opsctl.model.labels import METRIC_NAME, Labels
from opsctl.model.matcher import Matcher

OnProgress = Callable[[float, str], None]
"""The share that is done, from 0 to 1, and what is being worked on."""


@dataclass(frozen=True)
class Exported:
    """What was written. `stale`: staleness markers, which OpenMetrics cannot say, left out."""

    families: int = 0
    series: int = 0
    samples: int = 0
    stale: int = 0


@dataclass(frozen=True)
class Wanted:
    """Which samples: of series that meet one of `sets` (none: all), in [start_ms, end_ms]; None starts at the oldest."""

    sets: Sequence[Matchers]
    start_ms: int | None
    end_ms: int


def export(
    storage: Storage, wanted: Wanted, known: Mapping[str, Known], out: IO[bytes], on_progress: OnProgress,
    most: int = SAMPLES,
) -> Exported:  # fmt: skip
    """Writes the samples as OpenMetrics text, families sorted, in memory bounded by `most` samples.

    Raises OSError when the file does not take it, and what the storage raises.
    """
    sets = wanted.sets or [()]
    start = oldest_ms(storage, sets, wanted.end_ms) if wanted.start_ms is None else wanted.start_ms
    names = storage.label_values(METRIC_NAME, sets, start, wanted.end_ms)
    found = families(names, known)
    total = Exported()
    for number, family in enumerate(found):
        whole = _Whole(wanted.end_ms, start, number, len(found), on_progress)
        total = _added(total, _family(storage, family, _of(family, sets), whole, out, most))
    out.write(EOF_LINE.encode())
    on_progress(1.0, "")
    return total


@dataclass(frozen=True)
class _Whole:
    """Where a family stands in the whole export."""

    end_ms: int
    start_ms: int
    number: int
    of: int
    on_progress: OnProgress

    def at(self, ms: int, name: str) -> None:
        share = (ms - self.start_ms) / max(1, self.end_ms - self.start_ms)
        self.on_progress((self.number + share) / self.of, name)


def _family(
    storage: Storage, family: Family, sets: Sequence[Matchers], whole: _Whole, out: IO[bytes], most: int
) -> Exported:
    seen: set[Labels] = set()
    samples = stale = 0
    with closing(Spool()) as spool:
        for end_ms, found in spans(storage, sets, whole.start_ms, whole.end_ms, most):
            for metric, series in grouped(found, family).items():
                text, written, left_out = text_of(series, family)
                if written:
                    spool.add(metric, text)
                    seen.update(one.labels for one in series)
                samples, stale = samples + written, stale + left_out
            whole.at(end_ms, family.name)
        if samples:
            out.write(family.head().encode())
            for lines in spool.texts():
                out.write(lines)  # a zstd stream has no writelines
    return Exported(int(samples > 0), len(seen), samples, stale)


def _of(family: Family, sets: Sequence[Matchers]) -> list[Matchers]:
    """The selectors, each for this family only."""
    return [(Matcher(METRIC_NAME, "=", name), *matchers) for name in family.names for matchers in sets]


def _added(one: Exported, other: Exported) -> Exported:
    return Exported(
        one.families + other.families, one.series + other.series, one.samples + other.samples, one.stale + other.stale
    )
