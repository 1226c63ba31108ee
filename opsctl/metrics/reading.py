"""Answers: the head in memory and the blocks behind it, read as one while both change."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from opsctl.metrics.block import Block, Vanished
from opsctl.metrics.flat import to_samples
from opsctl.metrics.head import Head
from opsctl.metrics.index import Forgotten, LabelIndex, Refs
from opsctl.metrics.loose import Loose
from opsctl.metrics.section import Section, Values, is_absent
from opsctl.metrics.shelf import Shelf
from opsctl.metrics.storage import Matchers
from opsctl.metrics.weights import Weighed, weigh
from opsctl.model.labels import Labels
from opsctl.model.samples import Samples

T = TypeVar("T")
_EVER_MS = 2**62


class Reader:
    """Reads a store for many threads. `lock` guards the head and the change of blocks."""

    def __init__(self, index: LabelIndex, head: Head, shelf: Shelf, lock: threading.Lock) -> None:
        self._index, self._head, self._shelf, self._lock = index, head, shelf, lock

    def select(self, matchers: Matchers, start_ms: int, end_ms: int) -> Samples:
        """As Storage."""
        return self._steady(lambda: self._select(matchers, start_ms, end_ms))

    def _steady(self, read: Callable[[], T]) -> T:
        """Reads anew when a block was merged away under our hands, or a series forgotten."""
        while True:
            with contextlib.suppress(Vanished, Forgotten):
                return read()

    def _select(self, matchers: Matchers, start_ms: int, end_ms: int) -> Samples:
        refs = self._index.match(matchers)
        return to_samples(self._look(refs, start_ms, end_ms) if len(refs) else [], self._index)

    def _look(self, refs: Refs, start_ms: int, end_ms: int) -> list[Section]:
        views, late, blocks = self._views(start_ms, end_ms)
        mask = np.zeros(self._index.size, dtype=bool)
        mask[refs] = True
        parts = (view.only(mask, start_ms, end_ms) for view in views)
        found = [*self._shelf.sections(blocks, mask, start_ms, end_ms), *(part for part in parts if part is not None)]
        return [*found, *late.only(mask, start_ms, end_ms).sections()] if len(late) else found

    def _views(self, start_ms: int, end_ms: int) -> tuple[list[Section], Loose, tuple[Block, ...]]:
        with self._lock:
            return self._head.views(start_ms, end_ms), self._head.late.view(), self._shelf.blocks

    def series(self, sets: Sequence[Matchers], start_ms: int, end_ms: int) -> list[Labels]:
        """As Storage."""
        return self._steady(lambda: self._series(sets, start_ms, end_ms))

    def _series(self, sets: Sequence[Matchers], start_ms: int, end_ms: int) -> list[Labels]:
        refs = np.unique(np.concatenate([self._index.match(m) for m in sets])) if sets else self._index.match(())
        return sorted(self._index.labels(ref) for ref in self._seen(refs, start_ms, end_ms).tolist())

    def _seen(self, refs: Refs, start_ms: int, end_ms: int) -> Refs:
        """Those of `refs` with a sample in the range; whole blocks inside it are not read but for their series."""
        views, late, blocks = self._views(start_ms, end_ms)
        size = self._index.size
        here, wanted = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
        wanted[refs] = True
        for part in self._shelf.refs(blocks, start_ms, end_ms):
            here[part] = True
        for view in views:
            section = view.only(wanted, start_ms, end_ms)
            if section is not None:
                here[section.refs[~is_absent(np.ascontiguousarray(section.values)).all(axis=1)]] = True
        here[late.only(wanted, start_ms, end_ms).refs] = True
        return refs[here[refs]]

    def weighed(self) -> list[Weighed]:
        """Every series that has samples, with what it weighs."""
        return self._steady(self._weighed)

    def _weighed(self) -> list[Weighed]:
        views, late, blocks = self._views(0, _EVER_MS)
        samples, weights = weigh(self._index.size, self._shelf.rows(blocks), [*views, *late.sections()])
        heavy = [(ref, labels) for ref, labels in self._index.all() if ref < len(samples) and samples[ref]]
        return [Weighed(labels, int(samples[ref]), float(weights[ref])) for ref, labels in heavy]

    def stored(self, at_ms: int, refs: Refs) -> tuple[Values, NDArray[np.bool_]]:
        """The samples that blocks hold of series at an instant, and which have one."""
        found, seen = np.zeros(len(refs)), np.zeros(len(refs), dtype=bool)
        mask = np.zeros(self._index.size, dtype=bool)
        mask[refs] = True
        while True:
            with contextlib.suppress(Vanished):
                sections = self._shelf.sections(self._shelf.blocks, mask, at_ms, at_ms)
                break
        for section in sections:
            order = np.argsort(refs)
            rows = order[np.searchsorted(refs, section.refs, sorter=order)]
            here = ~is_absent(np.ascontiguousarray(section.values))[:, 0]
            found[rows[here]], seen[rows[here]] = section.values[here, 0], True
        return found, seen
