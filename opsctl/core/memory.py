"""Gives memory back to the machine: glibc keeps a heap a thread, and raises the size from which it maps by itself."""

from __future__ import annotations

import contextlib
import ctypes

_ARENA_MAX, _MMAP_THRESHOLD, _TRIM_THRESHOLD = -8, -3, -1  # malloc.h
_LARGE = 1 << 20


def return_memory() -> None:
    """Two heaps for all threads, and large arrays mapped alone, so that freeing them frees memory. A no-op elsewhere.

    Call it before the first thread. Source: mallopt(3).
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_ARENA_MAX, 2)
        mallopt(_MMAP_THRESHOLD, _LARGE)
        mallopt(_TRIM_THRESHOLD, 16 * _LARGE)
