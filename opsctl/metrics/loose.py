"""Loose samples: flat arrays in any order, and how they become sections in which no series stands twice."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opsctl.metrics.index import Refs
from opsctl.metrics.section import Section, Times, Values, is_absent, united

Numbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class Loose:
    """Sample i is `values[i]` of series `refs[i]` at `times[i]`, from `sources[i]`, a number of `names`."""

    names: Sequence[str]
    sources: Numbers
    refs: Refs
    times: Times
    values: Values

    def __len__(self) -> int:
        return len(self.refs)

    def chosen(self, keep: NDArray[np.bool_] | Numbers) -> Loose:
        return Loose(self.names, self.sources[keep], self.refs[keep], self.times[keep], self.values[keep])

    def only(self, mask: NDArray[np.bool_], start_ms: int, end_ms: int) -> Loose:
        """Those of the masked series in [start_ms, end_ms]."""
        return self.chosen((self.times >= start_ms) & (self.times <= end_ms) & mask[self.refs])

    def within(self, sections: Sequence[Section], size: int) -> NDArray[np.bool_]:
        """Which of them stand in one of these sections, whatever the value there; `size` as in `untangled`."""
        found = np.zeros(len(self), dtype=bool)
        for section in sections:
            row = np.full(size, -1, dtype=np.int64)
            row[section.refs] = np.arange(len(section.refs))
            column = np.minimum(section.times.searchsorted(self.times), len(section.times) - 1)
            near = np.flatnonzero((row[self.refs] >= 0) & (section.times[column] == self.times))
            found[near] |= ~is_absent(section.values[row[self.refs[near]], column[near]])
        return found

    def sections(self) -> list[Section]:
        """Each series in one section, with those that share its source and times; the first of equal times stays."""
        order = np.lexsort((self.times, self.refs))
        refs, times = self.refs[order], self.times[order]
        again = np.zeros(len(order), dtype=bool)
        again[1:] = (refs[1:] == refs[:-1]) & (times[1:] == times[:-1])
        order, refs, times = order[~again], refs[~again], times[~again]
        firsts = np.flatnonzero(np.diff(refs, prepend=-1))
        together: dict[tuple[int, bytes], list[int]] = {}
        for first, last in itertools.pairwise([*firsts.tolist(), len(refs)]):
            key = int(self.sources[order[first]]), times[first:last].tobytes()
            together.setdefault(key, []).append(first)
        return [
            self._section(source, np.array(starts), np.frombuffer(stamps, np.int64), refs, order)
            for (source, stamps), starts in together.items()
        ]

    def _section(self, source: int, starts: Numbers, times: Times, refs: Refs, order: Numbers) -> Section:
        cells = order[starts[:, None] + np.arange(len(times))]
        return Section(self.names[source], refs[starts], times, self.values[cells])


def loosened(sections: Sequence[Section]) -> Loose:
    """The samples of sections, theirs first that come first."""
    kept = [~is_absent(np.ascontiguousarray(s.values)) for s in sections]
    counts = [int(np.count_nonzero(cells)) for cells in kept]
    names = list(dict.fromkeys(s.source for s in sections))
    return Loose(
        names, np.repeat(np.array([names.index(s.source) for s in sections]), counts),
        np.concatenate([np.repeat(s.refs, cells.sum(axis=1)) for s, cells in zip(sections, kept, strict=True)]),
        np.concatenate([np.broadcast_to(s.times, c.shape)[c] for s, c in zip(sections, kept, strict=True)]),
        np.concatenate([s.values[cells] for s, cells in zip(sections, kept, strict=True)]),
    )  # fmt: skip


def untangled(sections: Sequence[Section], size: int) -> list[Section]:
    """The same samples with every series in one section only; `size` is more than the largest number of a series.

    Sections of a source that follow each other become one. Series whose samples lie between each other (late ones) are
    taken out of their matrices into sections of their own; of two samples of one time the first section's stays.
    """
    if disjoint(sections, size):
        return list(sections)
    apart = united(sections)
    if disjoint(apart, size):
        return apart
    counts = np.zeros(size, dtype=np.int64)
    for section in apart:
        counts[section.refs] += 1
    single, tangled = counts == 1, counts > 1
    rest = (s.only(single, int(s.times[0]), int(s.times[-1])) for s in apart)
    mixed = (s.only(tangled, int(s.times[0]), int(s.times[-1])) for s in sections)
    return [*(s for s in rest if s is not None), *loosened([s for s in mixed if s is not None]).sections()]


def disjoint(sections: Sequence[Section], size: int) -> bool:
    """Whether every series stands in one section only."""
    seen = np.zeros(size, dtype=bool)
    for section in sections:
        seen[section.refs] = True
    return int(np.count_nonzero(seen)) == sum(len(s.refs) for s in sections)
