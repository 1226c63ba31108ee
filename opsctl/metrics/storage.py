"""What every metrics store does, in eight methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from opsctl.model.batch import Batch
from opsctl.model.labels import Labels
from opsctl.model.matcher import Matcher
from opsctl.model.series import Series

Matchers = Sequence[Matcher]


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
    labels: dict[str, int] = field(default_factory=dict)
    """Label name → number of its values."""


class Storage(Protocol):
    """One writer appends and maintains; many threads read. It is also a Querier."""

    def append(self, batch: Batch) -> int:
        """Takes a batch; the samples kept. A batch not newer than its source's last one is refused whole (0)."""
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
