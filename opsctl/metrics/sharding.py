"""A request in parts that may leave side by side: all samples of a series stay in one part, in order. Pure."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from opsctl.metrics.remote_protocol import entries, samples_of, series_bytes


@dataclass(frozen=True, slots=True)
class Piece:
    """A request, not yet compressed."""

    request: bytes
    samples: int


def shards_wanted(waiting: int, most_samples: int, least: int, most: int) -> int:
    """As many requests at once as there are full ones waiting, within the bounds."""
    return min(max(least, -(-waiting // most_samples)), max(most, least))


def split(request: bytes, samples: int, shards: int, most_samples: int) -> tuple[tuple[Piece, ...], ...]:
    """The parts, each with its requests of about `most_samples` one after the other."""
    if shards <= 1 and samples <= most_samples:
        return ((Piece(request, samples),),)
    lanes: list[list[bytes]] = [[] for _ in range(shards)]
    for entry in entries(request):
        lanes[zlib.crc32(series_bytes(entry)) % shards].append(entry)
    return tuple(_pieces(lane, most_samples) for lane in lanes if lane)


def _pieces(lane: list[bytes], most_samples: int) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    part: list[bytes] = []
    count = 0
    for entry in lane:
        more = samples_of(entry)
        if part and count + more > most_samples:
            pieces.append(Piece(b"".join(part), count))
            part, count = [], 0
        part.append(entry)
        count += more
    pieces.append(Piece(b"".join(part), count))
    return tuple(pieces)
