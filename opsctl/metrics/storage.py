"""What every metrics store does, in eight methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Protocol

from opsctl.model.batch import Batch
from opsctl.model.labels import Labels
from opsctl.model.matcher import Matcher
from opsctl.model.series import Series

Matchers = Sequence[Matcher]


@dataclass(frozen=True, kw_only=True, slots=True)
class Appended:
    """What became of the samples of an append, in counts. `kept` and `repeated` are well; the rest was refused.

    Source of the cases and their words: prometheus/storage errors, as its remote-write receiver answers them.
    """

    kept: int = 0
    repeated: int = 0
    """Same time and same value as the series' last: dropped, and no error."""
    duplicate: int = 0
    """Same time as the series' last, another value."""
    out_of_order: int = 0
    """Older than the series' last, and no window for such samples."""
    too_old: int = 0
    """Before what the store still takes."""
    over_limit: int = 0
    """Of series that would be one too many for their source or the store."""

    def __add__(self, other: Appended) -> Appended:
        return Appended(
            kept=self.kept + other.kept, repeated=self.repeated + other.repeated,
            duplicate=self.duplicate + other.duplicate, out_of_order=self.out_of_order + other.out_of_order,
            too_old=self.too_old + other.too_old, over_limit=self.over_limit + other.over_limit,
        )  # fmt: skip

    @property
    def refused(self) -> int:
        return self.duplicate + self.out_of_order + self.too_old + self.over_limit

    def reasons(self) -> dict[str, int]:
        """Why samples were refused, in Prometheus' words where it has them, with counts."""
        counts = {
            "out of order sample": self.out_of_order, "duplicate sample for timestamp": self.duplicate,
            "out of bounds": self.too_old, "series limit exceeded": self.over_limit,
        }  # fmt: skip
        return {reason: count for reason, count in counts.items() if count}


def total(several: Sequence[Appended]) -> Appended:
    """All of them together."""
    return Appended(**{each.name: sum(getattr(one, each.name) for one in several) for each in fields(Appended)})


@dataclass(frozen=True, kw_only=True)
class StoreStatus:
    """How a store is. Times in ms since the epoch, 0 where there are none; sizes in bytes."""

    series: int = 0
    head_samples: int = 0
    head_min_ms: int = 0
    head_max_ms: int = 0
    appended: int = 0
    out_of_order: int = 0
    blocks: int = 0
    oldest_ms: int = 0
    block_bytes: int = 0
    wal_bytes: int = 0
    wal_failures: int = 0
    cuts: int = 0
    cut_failures: int = 0
    set_aside: int = 0
    late_appended: int = 0
    over_limit: int = 0
    over_limit_targets: dict[str, int] = field(default_factory=dict)
    """Target → its samples refused in the minute logged last, because it has too many series."""
    labels: dict[str, int] = field(default_factory=dict)
    """Label name → number of its values."""


class Storage(Protocol):
    """One writer appends and maintains; many threads read. It is also a Querier."""

    def append(self, *batches: Batch) -> Appended:
        """Takes the batches of a scrape or a request, in order; decides for each series as Prometheus does.

        Batches of one source may have other series at the same time. The batches of a source should hold series that
        are measured together (those of a target): they share their times in memory and on disk.
        """
        ...

    def select(self, matchers: Matchers, start_ms: int, end_ms: int) -> Sequence[Series]:
        """As Querier: series that meet every matcher, samples in [start_ms, end_ms], staleness markers included."""
        ...

    def series(self, sets: Sequence[Matchers], start_ms: int, end_ms: int) -> list[Labels]:
        """The series that meet one of the matcher sets and have a sample in the time range, sorted."""
        ...

    def label_names(self, sets: Sequence[Matchers], start_ms: int, end_ms: int) -> list[str]:
        """The label names of such series; no sets: of all."""
        ...

    def label_values(self, name: str, sets: Sequence[Matchers], start_ms: int, end_ms: int) -> list[str]:
        """The values that a label has on such series; no sets: on all."""
        ...

    def maintain(self, now: float) -> None:
        """Makes what was appended durable, moves old samples into blocks, deletes those past retention."""
        ...

    def status(self) -> StoreStatus: ...

    def close(self) -> None:
        """Makes everything durable and lets the folder go."""
        ...
