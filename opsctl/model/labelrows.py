"""The label sets of many rows as one object, which remembers what was made of them.

The same rows are asked for again and again (a rule each few seconds, a dashboard each minute): their groups, their
names dropped, their partners in a join are worked out once, and afterwards a query is arithmetic alone.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from opsctl.model.labels import METRIC_NAME, Labels

T = TypeVar("T")
I = NDArray[np.int64]  # noqa: E741 - as promql.values has it
_REMEMBERED = 48
_METADATA = (METRIC_NAME, "__type__", "__unit__")


@dataclass(frozen=True, eq=False, slots=True)
class Grouping:
    """`index[i]` is the group of row i; ordered by `order`, group g begins at `starts[g]`."""

    rows: LabelRows
    index: I
    order: I
    starts: I


class LabelRows(Sequence[Labels]):
    """Label sets, one a row. Safe for many threads; remembers at most some dozens of results."""

    __slots__ = ("_labels", "_made")

    def __init__(self, labels: Iterable[Labels]) -> None:
        self._labels = tuple(labels)
        self._made: dict[Hashable, Any] = {}

    def __len__(self) -> int:
        return len(self._labels)

    @overload
    def __getitem__(self, place: int) -> Labels: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Labels]: ...

    def __getitem__(self, place: int | slice) -> Labels | Sequence[Labels]:
        return self._labels[place]

    def memo(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, from memory when the same `key` was asked before."""
        found = self._made.get(key)
        if found is None:
            found = make()
            if len(self._made) >= _REMEMBERED:
                self._made.clear()
            self._made[key] = found
        made: T = found
        return made

    def take(self, places: Sequence[int] | I) -> LabelRows:
        """The rows at these places."""
        chosen = np.asarray(places, dtype=np.int64)
        return self.memo(("take", chosen.tobytes()), lambda: LabelRows([self._labels[i] for i in chosen.tolist()]))

    def made(self, key: Hashable, change: Callable[[Labels], Labels]) -> LabelRows:
        """Each row changed by the same function, which `key` names."""
        return self.memo(key, lambda: LabelRows([change(each) for each in self._labels]))

    @property
    def unique(self) -> bool:
        """Whether no two rows are alike."""
        return self.memo("unique", lambda: [len(set(self._labels)) == len(self._labels)])[0]

    def nameless(self) -> LabelRows:
        """Without the metric's name, type and unit."""
        return self.made("nameless", nameless)

    def grouped(self, names: Sequence[str], without: bool) -> Grouping:
        """The rows by these labels, or by all but these and the metric's name."""
        return self.memo(("grouped", tuple(names), without), lambda: self._grouped(names, without))

    def _grouped(self, names: Sequence[str], without: bool) -> Grouping:
        dropped = (*names, METRIC_NAME)
        keys = [each.without(dropped) if without else each.only(names) for each in self._labels]
        places: dict[Labels, int] = {}
        index = np.fromiter((places.setdefault(key, len(places)) for key in keys), np.int64, len(keys))
        order = np.argsort(index, kind="stable")
        starts = np.searchsorted(index[order], np.arange(len(places)))
        return Grouping(LabelRows(places), index, order, starts)


def label_rows(labels: Sequence[Labels]) -> LabelRows:
    """The same rows as an object that remembers."""
    return labels if isinstance(labels, LabelRows) else LabelRows(labels)


def nameless(labels: Labels) -> Labels:
    """Without the metric's name, type and unit: what a value is no longer once something was computed of it.

    Source: prometheus schema.IsMetadataLabel.
    """
    return labels.without(_METADATA) if any(name in labels for name in _METADATA) else labels
