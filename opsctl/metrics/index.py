"""The label index: label sets as small integers, and which of them meet a selector."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from opsctl.metrics.remembered import Remembered
from opsctl.model.labelrows import LabelRows
from opsctl.model.labels import Labels
from opsctl.model.matcher import Matcher

Refs = NDArray[np.int64]
_EMPTY: Refs = np.empty(0, dtype=np.int64)
_NUMBERS, _ROWS = 1 << 20, 1 << 19
"""So many numbers in remembered answers, and so many rows in remembered orders."""


class Forgotten(LookupError):
    """A series that went while its number was in use: look again."""


class LabelIndex:
    """Gives every label set a number that never changes, and finds numbers by matchers. Safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refs: dict[Labels, int] = {}
        self._labels: dict[int, Labels] = {}
        self._postings: dict[str, dict[str, list[int]]] = {}
        self._gone: dict[int, Labels] = {}
        self._answers: Remembered[tuple[Matcher, ...], Refs] = Remembered(_NUMBERS, lambda refs: len(refs) + 64)
        self._rows: Remembered[bytes, tuple[Refs, LabelRows]] = Remembered(_ROWS, lambda made: len(made[0]) + 64)
        self.size = 0
        """One more than the largest number given."""

    def intern(self, labels: Labels) -> int:
        """The number of a label set, given now if it is new."""
        ref = self._refs.get(labels)
        if ref is not None:
            return ref
        with self._lock:
            return self._add(labels, self.size)

    def find(self, labels: Labels) -> int:
        """The number of a label set, or -1."""
        return self._refs.get(labels, -1)

    def restore(self, pairs: Iterable[tuple[int, Labels]]) -> None:
        """Takes label sets with the numbers they had."""
        with self._lock:
            for ref, labels in pairs:
                self._add(labels, ref)

    def _add(self, labels: Labels, ref: int) -> int:
        known = self._refs.get(labels)
        if known is not None:
            return known
        self._labels[ref] = labels
        for name, value in labels.pairs:
            self._postings.setdefault(name, {}).setdefault(value, []).append(ref)
        self._answers.clear()
        self.size = max(self.size, ref + 1)
        self._refs[labels] = ref
        return ref

    def forget(self, refs: Sequence[int]) -> None:
        """Takes label sets out. Their numbers are never given again; `labels` raises Forgotten for them.

        `match` may still name them until `sweep`: they have no samples.
        """
        with self._lock:
            for ref in refs:
                labels = self._gone[ref] = self._labels.pop(ref)
                del self._refs[labels]

    def sweep(self) -> None:
        """Takes what was forgotten out of the lists; nobody waits for all of it."""
        with self._lock:
            gone, self._gone = self._gone, {}
        touched: dict[tuple[str, str], set[int]] = {}
        for ref, labels in gone.items():
            for pair in labels.pairs:
                touched.setdefault(pair, set()).add(ref)
        for (name, value), some in touched.items():
            with self._lock:
                self._shorten(name, value, some)
        with self._lock:
            self._answers.clear()
            self._rows.clear()

    def _shorten(self, name: str, value: str, gone: set[int]) -> None:
        values = self._postings[name]
        if len(gone) == len(values[value]):
            del values[value]
        else:
            values[value] = [ref for ref in values[value] if ref not in gone]
        if not values:
            del self._postings[name]

    def __len__(self) -> int:
        return len(self._refs)

    def knows(self, ref: int) -> bool:
        return ref in self._labels

    def labels(self, ref: int) -> Labels:
        try:
            return self._labels[ref]
        except KeyError as error:
            raise Forgotten(ref) from error

    def all(self) -> list[tuple[int, Labels]]:
        with self._lock:
            return list(self._labels.items())

    def value_counts(self) -> dict[str, int]:
        with self._lock:
            return {name: len(values) for name, values in self._postings.items()}

    def match(self, matchers: Sequence[Matcher]) -> Refs:
        """The numbers, rising, of the label sets that meet every matcher; all of them for no matchers."""
        key = tuple(matchers)
        with self._lock:
            found = self._answers.get(key)
            if found is None:
                found = self._match(key)
                self._answers.put(key, found)
            return found

    def ordered(self, refs: Refs) -> tuple[Refs, LabelRows]:
        """Positions in `refs` in the order of their label sets, and these; the same object for the same numbers."""
        key = refs.tobytes()
        known = self._rows.get(key)
        if known is not None:
            return known
        labels = [self.labels(ref) for ref in refs.tolist()]
        order = sorted(range(len(labels)), key=lambda i: labels[i].pairs)
        made = np.array(order, dtype=np.int64), LabelRows(labels[i] for i in order)
        self._rows.put(key, made)
        return made

    def _match(self, matchers: Sequence[Matcher]) -> Refs:
        found: Refs | None = None
        for matcher in sorted(matchers, key=lambda m: (m.op != "=", m.value == "")):
            hits = self._hits(matcher)
            found = hits if found is None else np.intersect1d(found, hits, assume_unique=True)
            if not len(found):
                return _EMPTY
        return np.sort(np.fromiter(self._labels, np.int64, len(self._labels))) if found is None else found

    def _hits(self, matcher: Matcher) -> Refs:
        values = self._postings.get(matcher.name, {})
        if matcher.op == "=" and matcher.value:
            return _joined([values.get(matcher.value, [])])
        hits = _joined([refs for value, refs in values.items() if matcher.matches(value)])
        if not matcher.matches(""):
            return hits
        having = _joined(list(values.values()))
        everything = np.fromiter(self._labels, np.int64, len(self._labels))
        return np.union1d(hits, np.setdiff1d(everything, having, assume_unique=True))


def _joined(lists: list[list[int]]) -> Refs:
    joined = [ref for refs in lists for ref in refs]
    return np.sort(np.array(joined, dtype=np.int64)) if joined else _EMPTY
