"""Columns to bytes and back: pcodec, which finds the steps and decimals in numbers by itself, and keeps every bit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pcodec import ChunkConfig
from pcodec.standalone import simple_compress, simple_decompress

_CONFIG = ChunkConfig()

Numbers = NDArray[np.int64]
Column = NDArray[np.float64]


def encode_numbers(numbers: Numbers) -> bytes:
    """Integers of any sign, times among them."""
    return _pressed(np.ascontiguousarray(numbers, dtype=np.int64))


def decode_numbers(data: bytes) -> Numbers:
    numbers: Numbers = _loosened(data, np.int64)
    return numbers


def encode_values(values: Column) -> bytes:
    """Doubles; several series end to end, the more alike the better."""
    return _pressed(np.ascontiguousarray(values, dtype=np.float64))


def decode_values(data: bytes) -> Column:
    values: Column = _loosened(data, np.float64)
    return values


def _pressed(column: NDArray[np.generic]) -> bytes:
    return bytes(simple_compress(column, _CONFIG)) if len(column) else b""


def _loosened(data: bytes, kind: type) -> Any:
    return simple_decompress(data) if data else np.empty(0, dtype=kind)
