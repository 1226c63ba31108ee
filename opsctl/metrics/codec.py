"""Columns to bytes and back: a row as scaled-integer deltas or XORed doubles, bytes shuffled, then zstandard."""

from __future__ import annotations

import struct

import numpy as np
import zstandard
from numpy.typing import NDArray

from opsctl.metrics.section import Times, Values

_HEAD = struct.Struct("<II")
_XOR = 0
_SCALES = (1.0, 100.0, 1000.0)
"""A row whose values are whole after this factor is kept as integers: mode 1 + position."""
_LARGEST = 2.0**52

U64 = NDArray[np.uint64]


def encode_times(times: Times) -> bytes:
    """Second differences of rising times, compressed."""
    return _HEAD.pack(1, len(times)) + _squeeze(_zigzag(_differences(_differences(times.reshape(1, -1)))))


def decode_times(data: bytes) -> Times:
    _, count = _HEAD.unpack_from(data)
    second = _unzigzag(_unsqueeze(data[_HEAD.size :], (1, count)))
    times: Times = np.cumsum(np.cumsum(second, axis=1), axis=1)[0]
    return times


def encode_values(values: Values) -> bytes:
    """A matrix of doubles, every bit kept, each row in the mode that suits it."""
    rows, columns = values.shape
    modes = np.zeros(rows, dtype=np.uint8)
    coded = np.empty((rows, columns), dtype=np.uint64)
    left = np.ones(rows, dtype=bool)
    for mode, scale in enumerate(_SCALES, start=1):
        left = _as_integers(values, scale, mode, modes, coded, left)
    bits = np.ascontiguousarray(values[left]).view(np.uint64)
    coded[left] = bits ^ np.concatenate([np.zeros((len(bits), 1), np.uint64), bits[:, :-1]], axis=1)
    return _HEAD.pack(rows, columns) + modes.tobytes() + _squeeze(coded)


def decode_values(data: bytes) -> Values:
    rows, columns = _HEAD.unpack_from(data)
    start = _HEAD.size
    modes = np.frombuffer(data, np.uint8, rows, start)
    coded = _unsqueeze(data[start + rows :], (rows, columns))
    values: Values = np.empty((rows, columns), dtype=np.float64)
    xored = modes == _XOR
    if xored.any():
        values[xored] = np.bitwise_xor.accumulate(coded[xored], axis=1).view(np.float64)
    for mode, scale in enumerate(_SCALES, start=1):
        chosen = modes == mode
        if chosen.any():
            values[chosen] = np.cumsum(_unzigzag(coded[chosen]), axis=1) / scale
    return values


def _as_integers(
    values: Values, scale: float, mode: int, modes: NDArray[np.uint8], coded: U64, left: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Codes the rows still `left` that are whole numbers after `scale`; what remains left."""
    numbers = np.flatnonzero(left)
    rows = values[numbers]
    with np.errstate(invalid="ignore", over="ignore"):
        whole = np.rint(rows * scale)
        fits = (np.abs(whole) < _LARGEST).all(axis=1)
        whole[~fits] = 0.0
        same = (whole / scale).view(np.uint64) == np.ascontiguousarray(rows).view(np.uint64)
    fits &= same.all(axis=1)
    coded[numbers[fits]] = _zigzag(_differences(whole[fits].astype(np.int64)))
    modes[numbers[fits]] = mode
    remaining = left.copy()
    remaining[numbers[fits]] = False
    return remaining


def _differences(values: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.diff(values, axis=1, prepend=np.zeros((len(values), 1), np.int64))


def _zigzag(values: NDArray[np.int64]) -> U64:
    coded: U64 = ((values << 1) ^ (values >> 63)).view(np.uint64)
    return coded


def _unzigzag(coded: U64) -> NDArray[np.int64]:
    values: NDArray[np.int64] = (coded >> np.uint64(1)).view(np.int64) ^ -(coded & np.uint64(1)).view(np.int64)
    return values


def _squeeze(coded: U64) -> bytes:
    """All first bytes, then all second bytes …: near values share their high bytes."""
    planes = np.ascontiguousarray(coded).view(np.uint8).reshape(*coded.shape, 8).transpose(2, 0, 1)
    return zstandard.ZstdCompressor(level=3).compress(planes.tobytes())


def _unsqueeze(data: bytes, shape: tuple[int, int]) -> U64:
    size = 8 * shape[0] * shape[1]
    raw = zstandard.ZstdDecompressor().decompress(data, max_output_size=size) if size else b""
    planes = np.frombuffer(raw, np.uint8).reshape(8, *shape).transpose(1, 2, 0)
    return np.ascontiguousarray(planes).view(np.uint64).reshape(shape)
