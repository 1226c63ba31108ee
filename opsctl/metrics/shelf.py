"""The blocks of a store: found at start, read, merged, retired; damaged ones are set aside and the rest goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from opsctl.core.log import Log
from opsctl.metrics.block import Block, Damaged, Vanished, chunk_cache, write_block
from opsctl.metrics.index import Refs
from opsctl.metrics.loose import untangled
from opsctl.metrics.merging import plan_merge
from opsctl.metrics.section import Section
from opsctl.metrics.weights import Rows
from opsctl.model.labels import Labels

LOG = Log("opsctl.metrics")
Naming = Callable[[int], Labels]
T = TypeVar("T")


class Shelf:
    """`blocks` is replaced whole when it changes: take it once, and read that.

    A reader who meets a block that was merged away meanwhile gets Vanished, and takes `blocks` anew.
    """

    def __init__(self, folder: Path, aside: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder, self._aside = folder, aside
        self._cache = chunk_cache()
        self._lock = threading.Lock()
        self.set_aside = self.merge_failures = 0
        self.blocks: tuple[Block, ...] = ()
        self.blocks = self._found()

    def _found(self) -> tuple[Block, ...]:
        """Ends a merge that was cut off after its block was whole: what that block replaces goes."""
        replaced: set[str] = set()
        kept = []
        for path in self._folder.glob("*.block"):
            try:
                block = Block(path, self._cache)
                replaced.update(block.replaces())
                kept.append(block)
            except Damaged as error:
                self.put_aside(path, error.message)
        for name in replaced:
            (self._folder / name).unlink(missing_ok=True)
        return _ordered(block for block in kept if block.path.name not in replaced)

    def sections(
        self, blocks: Sequence[Block], mask: NDArray[np.bool_], start_ms: int, end_ms: int
    ) -> list[Section]:  # fmt: skip
        """The masked series' samples in [start_ms, end_ms]. Raises Vanished."""
        near = (b for b in blocks if b.first_ms <= end_ms and b.last_ms >= start_ms)
        return [s for block in near for s in self._read(block, lambda b: b.sections(mask, start_ms, end_ms))]

    def refs(self, blocks: Sequence[Block], start_ms: int, end_ms: int) -> list[Refs]:
        """The numbers of the series that may have samples in the range. Raises Vanished."""
        near = (b for b in blocks if b.first_ms <= end_ms and b.last_ms >= start_ms)
        return [refs for block in near for refs in self._read(block, lambda b: b.refs(start_ms, end_ms))]

    def series(self) -> list[Refs]:
        """The numbers of all series of each block. Raises Vanished."""
        return [refs for block in self.blocks for refs in self._read(block, lambda b: [b.series()])]

    def drop(self, block: Block, why: str) -> bool:
        """Sets a block aside; False when it was not ours any more."""
        with self._lock:
            ours = block in self.blocks
            self.blocks = tuple(b for b in self.blocks if b is not block)
        if ours:
            self.put_aside(block.path, why)
        return ours

    def rows(self, blocks: Sequence[Block]) -> list[Rows]:
        """What the rows of blocks weigh. Raises Vanished."""
        return [rows for block in blocks for rows in self._read(block, lambda b: [b.rows()])]

    def _read(self, block: Block, read: Callable[[Block], list[T]]) -> list[T]:
        try:
            return read(block)
        except Damaged as error:
            if not self.drop(block, error.message):
                raise Vanished(error.message) from error
            return []

    def put_aside(self, path: Path, why: str) -> None:
        """Moves a block that cannot be read out of the way."""
        self._aside.mkdir(exist_ok=True)
        if path.exists():
            path.rename(self._aside / path.name)
            self.set_aside += 1
            LOG.error("metrics.block_set_aside", file=str(self._aside / path.name), error=why)

    def add(self, sections: Sequence[Section], labels: Naming, window_end_ms: int = 0) -> Block:
        """Writes a block, which is not among `blocks` before `take`. Raises OSError."""
        return Block(write_block(self._folder, sections, labels, window_end_ms), self._cache)

    def take(self, block: Block) -> None:
        with self._lock:
            self.blocks = _ordered((*self.blocks, block))

    def retire(self, before_ms: int, most_bytes: int) -> int:
        """Deletes the blocks that are older, and the oldest ones while all take more than `most_bytes` (0: no limit).

        Returns how many.
        """
        blocks = sorted(self.blocks, key=lambda b: b.last_ms)
        size = sum(b.size for b in blocks)
        old = []
        for block in blocks:
            if block.last_ms < before_ms or 0 < most_bytes < size:
                old.append(block)
                size -= block.size
        self._replace(old, ())
        for block in old:
            LOG.info("metrics.block_retired", file=block.path.name)
        return len(old)

    def merge(self, labels: Naming, count: int, now_ms: int) -> None:
        """Writes some blocks of a day that is over as one; `count` is the number of all series.

        The old files go when the new one is whole.
        """
        old = plan_merge(self.blocks, now_ms)
        parts = self.sections(old, np.ones(count, dtype=bool), 0, 2**62)
        if not parts:
            return
        end_ms, names = max(b.window_end_ms for b in old), [b.path.name for b in old]
        try:
            path = write_block(self._folder, untangled(parts, count), labels, end_ms, names)
        except OSError as error:
            self.merge_failures += 1
            LOG.error("metrics.merge_failed", error=str(error))
            return
        self._replace(old, (Block(path, self._cache),))
        LOG.info("metrics.blocks_merged", file=path.name, blocks=len(old), bytes=path.stat().st_size)

    def _replace(self, old: Sequence[Block], new: Sequence[Block]) -> None:
        with self._lock:
            self.blocks = _ordered((*(b for b in self.blocks if b not in old), *new))
        for block in old:
            block.path.unlink(missing_ok=True)


def _ordered(blocks: Iterable[Block]) -> tuple[Block, ...]:
    return tuple(sorted(blocks, key=lambda b: b.first_ms))
