"""Import: an OpenMetrics file → its samples → those that are not there yet → the store. Doing it twice changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from opsctl.core.errors import NotFound
from opsctl.metrics.fill import fill
from opsctl.metrics.openmetrics_file import lines_of
from opsctl.metrics.openmetrics_read import Limits, Piece, pieces
from opsctl.metrics.remote_push import RemotePush
from opsctl.metrics.span_reading import spans
from opsctl.metrics.storage import Matchers, Storage
from opsctl.metrics.store import EmbeddedStore
from opsctl.model.labels import METRIC_NAME
from opsctl.model.matcher import Matcher
from opsctl.model.series import Series
from opsctl.scrape.parse import parse_series

_AHEAD_MS = 600_000


@dataclass(frozen=True)
class Imported:
    """What became of a file's samples, in counts: `samples` is the sum of the others but `series`."""

    samples: int = 0
    kept: int = 0
    repeated: int = 0
    """There already, or twice in the file, with the same value."""
    conflicts: int = 0
    """There already with another value, which stays."""
    too_old: int = 0
    """Before the retention."""
    ahead: int = 0
    """More than ten minutes in the future."""
    refused: int = 0
    """Not taken by the running product: older than what it appends."""

    def __add__(self, other: Imported) -> Imported:
        return Imported(
            self.samples + other.samples, self.kept + other.kept, self.repeated + other.repeated,
            self.conflicts + other.conflicts, self.too_old + other.too_old, self.ahead + other.ahead,
            self.refused + other.refused,
        )  # fmt: skip

    @property
    def whole(self) -> bool:
        """Whether every sample is in the store now."""
        return self.samples == self.kept + self.repeated


class Home(Protocol):
    """Where samples go; `storage` says what is there."""

    storage: Storage

    def put(self, series: Sequence[Series]) -> int:
        """Takes samples that are not there; returns how many were refused."""
        ...


class Folder:
    """A store that is stopped: samples of any age go straight into blocks."""

    def __init__(self, store: EmbeddedStore) -> None:
        self.storage: Storage = store
        self._store = store

    def put(self, series: Sequence[Series]) -> int:
        fill(self._store, series)
        return 0


class Running:
    """A running server: what it appends is its decision, so it is asked afterwards what is there."""

    def __init__(self, storage: Storage, push: RemotePush) -> None:
        self.storage = storage
        self._push = push

    def put(self, series: Sequence[Series]) -> int:
        if not self._push(series):
            return 0
        left, _, _ = missing(self.storage, series)
        return sum(len(one.times) for one in left)


class Nowhere:
    """A dry run: what is there is looked at, nothing is written."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def put(self, series: Sequence[Series]) -> int:
        return 0


def import_file(
    path: Path, home: Home, oldest_ms: int, now_ms: int, on_bytes: Callable[[int], None], limits: Limits | None = None
) -> Imported:
    """Brings a file's samples into a store: each once, also when a crash or a repetition comes between.

    Raises DocumentError with the line of a mistake (what stood before it may be in), and what the home raises.
    """
    bounds = limits or Limits()
    if not path.is_file():
        raise NotFound(f"there is no file {path}")
    total = Imported()
    lines = lines_of(path, bounds.line, on_bytes)
    for piece in pieces(path, lines, parse_series, bounds):
        total += _take(piece, home, oldest_ms, now_ms)
    return total


def _take(piece: Piece, home: Home, oldest_ms: int, now_ms: int) -> Imported:
    counts = Imported(samples=piece.samples, repeated=piece.repeated, conflicts=piece.conflicts)
    timely = []
    for one in piece.series:
        first, last = np.searchsorted(one.times, [oldest_ms, now_ms + _AHEAD_MS + 1])
        counts += Imported(too_old=int(first), ahead=len(one.times) - int(last))
        timely.append(Series(one.labels, one.times[first:last], one.values[first:last]))
    new, repeated, conflicts = missing(home.storage, [one for one in timely if len(one.times)])
    refused = home.put(new) if new else 0
    kept = sum(len(one.times) for one in new) - refused
    return counts + Imported(kept=kept, refused=refused, repeated=repeated, conflicts=conflicts)


def missing(storage: Storage, series: Iterable[Series]) -> tuple[list[Series], int, int]:
    """The samples that the store does not have; how many it has with the same value, how many with another."""
    by_name: dict[str, list[Series]] = {}
    for one in series:
        by_name.setdefault(one.labels.name, []).append(one)
    left: list[Series] = []
    repeated = conflicts = 0
    for several in by_name.values():
        for one, again, other in _compared(storage, several):
            repeated, conflicts = repeated + again, conflicts + other
            if len(one.times):
                left.append(one)
    return left, repeated, conflicts


def _compared(storage: Storage, several: Sequence[Series]) -> Iterable[tuple[Series, int, int]]:
    """Each series without what is there, with the counts of that."""
    start, end = min(int(s.times[0]) for s in several), max(int(s.times[-1]) for s in several)
    sets = [_common(several)]
    taken = {one.labels: np.zeros(len(one.times), bool) for one in several}
    wanted = {one.labels: one for one in several}
    conflicts = dict.fromkeys(taken, 0)
    present = set(storage.series(sets, start, end))
    if not present.isdisjoint(taken):
        for _, found in spans(storage, sets, start, end):
            for there in found:
                if there.labels in taken:
                    conflicts[there.labels] += _mark(wanted[there.labels], there, taken[there.labels])
    for one in several:
        gone, other = taken[one.labels], conflicts[one.labels]
        yield Series(one.labels, one.times[~gone], one.values[~gone]), int(gone.sum()) - other, other


def _mark(one: Series, there: Series, taken: NDArray[np.bool_]) -> int:
    """Marks the samples that are there; returns how many of them have another value."""
    _, ours, theirs = np.intersect1d(one.times, there.times, assume_unique=True, return_indices=True)
    taken[ours] = True
    mine, other = one.values[ours], there.values[theirs]
    return int(np.count_nonzero((mine != other) & ~(np.isnan(mine) & np.isnan(other))))


def _common(several: Sequence[Series]) -> Matchers:
    """The metric's name and the labels that all have with one value: little else is read."""
    common = set(several[0].labels.pairs)
    for one in several[1:]:
        common &= set(one.labels.pairs)
    return [Matcher(name, "=", value) for name, value in sorted(common, key=lambda pair: pair[0] != METRIC_NAME)]
