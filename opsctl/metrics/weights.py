"""What series weigh: their samples, and their share of the bytes on disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opsctl.metrics.index import Refs
from opsctl.metrics.section import Section, is_absent
from opsctl.model.labels import Labels

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weighed:
    """A series: its samples (gaps in a block count as samples), its bytes in blocks."""

    labels: Labels
    samples: int
    bytes: float


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """Of some rows of a block: the series of each, its cells (gaps count), and its bytes with its part of times and index."""

    refs: Refs
    cells: Floats
    bytes: Floats


def shares(refs: Refs, widths: Floats, chunk: Refs, chunk_bytes: Floats, file_bytes: int) -> Rows:
    """Cuts a file's bytes among its rows: each chunk's among the rows in it, the rest among all, by cells."""
    in_chunk = np.bincount(chunk, weights=widths, minlength=len(chunk_bytes))
    own = chunk_bytes[chunk] * widths / np.maximum(in_chunk[chunk], 1)
    rest = file_bytes - chunk_bytes.sum()
    return Rows(refs, widths, own + rest * widths / max(widths.sum(), 1.0))


def weigh(size: int, stored: Iterable[Rows], held: Iterable[Section]) -> tuple[Floats, Floats]:
    """Samples and bytes of each series number below `size`: of blocks, and of the memory, which has no bytes on disk."""
    samples, weight = np.zeros(size), np.zeros(size)
    for rows in stored:
        samples += np.bincount(rows.refs, weights=rows.cells, minlength=size)[:size]
        weight += np.bincount(rows.refs, weights=rows.bytes, minlength=size)[:size]
    for section in held:
        there = np.count_nonzero(~is_absent(np.ascontiguousarray(section.values)), axis=1)
        samples += np.bincount(section.refs, weights=there, minlength=size)[:size]
    return samples, weight
