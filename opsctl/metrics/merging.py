"""Which blocks become one: those of a day that is over, as many after each other as one merge can hold in memory."""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.metrics.block import Block

DAY_MS = 86_400_000
_MOST_BYTES = 8 << 20
"""Of the files together: at about a byte a sample some 64 MB of memory."""


def plan_merge(blocks: Sequence[Block], now_ms: int, most_bytes: int = _MOST_BYTES) -> tuple[Block, ...]:
    """The next blocks to merge, in the order of time; none when there is nothing to gain.

    History that was filled in (no window) and today's blocks are left alone.
    """
    found: list[Block] = []
    for block in sorted(blocks, key=lambda b: b.first_ms):
        if found and (_day(block) != _day(found[0]) or sum(b.size for b in found) + block.size > most_bytes):
            if len(found) > 1:
                return tuple(found)
            found = []
        if block.window_end_ms and (_day(block) + 1) * DAY_MS <= now_ms:
            found.append(block)
    return tuple(found) if len(found) > 1 else ()


def _day(block: Block) -> int:
    return block.last_ms // DAY_MS
