"""A frame: the vectors of all steps at once, one array (series × steps), with a mask of what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from opsctl.model.labelrows import LabelRows, label_rows
from opsctl.model.labels import Labels
from opsctl.promql.errors import PromqlError
from opsctl.promql.values import B, F, I

SAME_LABELSET = "vector cannot contain metrics with the same labelset"


@dataclass(frozen=True, eq=False)
class Frame:
    """`values` where `present`; elsewhere anything. No row is empty after `compact`."""

    labels: Sequence[Labels]
    values: F
    present: B

    @property
    def steps(self) -> int:
        return int(self.values.shape[1])

    @property
    def rows_of_labels(self) -> LabelRows:
        """The labels as an object that remembers what was made of them."""
        return label_rows(self.labels)

    def with_values(self, values: F, present: B | None = None) -> Frame:
        return replace(self, values=values, present=self.present if present is None else present)

    def rows(self, chosen: Sequence[int] | I) -> Frame:
        places = np.asarray(chosen, dtype=np.int64)
        return Frame(self.rows_of_labels.take(places), self.values[places], self.present[places])

    def compact(self) -> Frame:
        """Without rows that are absent at every step."""
        keep = self.present.any(axis=1)
        return self if keep.all() else self.rows(np.flatnonzero(keep))

    def relabelled(self, labels: Sequence[Labels], strict: bool = False) -> Frame:
        """The frame under other labels: rows that now agree become one.

        Raises PromqlError when two of them meet in a step (`strict`: when two agree at all).
        """
        held = label_rows(labels)
        if held.unique:
            return replace(self, labels=held)
        first: dict[Labels, int] = {}
        places = np.array([first.setdefault(each, len(first)) for each in labels])
        present = np.zeros((len(first), self.steps), dtype=np.int64)
        np.add.at(present, places, self.present.astype(np.int64))
        if (strict and len(self.compact().labels) > 0 and self._agree(labels)) or (present > 1).any():
            raise PromqlError(SAME_LABELSET)
        values = np.zeros((len(first), self.steps))
        rows, columns = np.nonzero(self.present)
        values[places[rows], columns] = self.values[rows, columns]
        return Frame(list(first), values, present > 0)

    def compact_to(self, labels: Sequence[Labels]) -> Frame:
        """Without empty rows, and under other labels."""
        keep = np.flatnonzero(self.present.any(axis=1))
        if len(keep) == len(self.labels):
            return self.relabelled(labels)
        return self.rows(keep).relabelled(label_rows(labels).take(keep))

    def _agree(self, labels: Sequence[Labels]) -> bool:
        """Whether two rows that hold anything have the same labels."""
        rows = np.logical_or.reduce(self.present, axis=1).tolist()
        held = [each for each, any_ in zip(labels, rows, strict=True) if any_]
        return len(set(held)) < len(held)

    def without_name(self, strict: bool = False) -> Frame:
        """Without the metric's name, as functions and arithmetic leave their results."""
        return self.relabelled(self.rows_of_labels.nameless(), strict)


def empty(steps: int) -> Frame:
    return Frame([], np.zeros((0, steps)), np.zeros((0, steps), dtype=bool))


def row(labels: Labels, values: F, present: B | None = None) -> Frame:
    """A frame of one series."""
    mask = np.ones(values.shape, dtype=bool) if present is None else present
    return Frame([labels], values[None, :], mask[None, :])


def concatenate(frames: Sequence[Frame], steps: int) -> Frame:
    """All rows under each other, not merged."""
    if not frames:
        return empty(steps)
    labels = [each for frame in frames for each in frame.labels]
    return Frame(labels, np.concatenate([f.values for f in frames]), np.concatenate([f.present for f in frames]))
