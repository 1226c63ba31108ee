"""Gives memory back to the machine: glibc keeps a heap a thread, and raises the size from which it maps by itself."""

from __future__ import annotations

import contextlib
import ctypes
import gc
from functools import cache
from typing import Any

_ARENA_MAX, _MMAP_THRESHOLD, _TRIM_THRESHOLD = -8, -3, -1  # malloc.h
_LARGE = 1 << 20


def return_memory() -> None:
    """Two heaps for all threads, and large arrays mapped alone, so that freeing them frees memory. A no-op elsewhere.

    Call it before the first thread. Source: mallopt(3).
    """
    mallopt = getattr(_libc(), "mallopt", None)
    if mallopt is not None:
        mallopt(_ARENA_MAX, 2)
        mallopt(_MMAP_THRESHOLD, _LARGE)
        mallopt(_TRIM_THRESHOLD, 16 * _LARGE)


def collect_seldom() -> None:
    """Looks for cycles of garbage less often, and no longer among what stands now: for a process of many small
    objects that hold no cycles, where looking takes a quarter of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def trim_memory() -> None:
    """Gives back the free pages between what is in use; some milliseconds. A no-op elsewhere. Source: malloc_trim(3)."""
    trim = getattr(_libc(), "malloc_trim", None)
    if trim is not None:
        trim(0)


@cache
def _libc() -> Any:
    with contextlib.suppress(OSError):
        return ctypes.CDLL(None)
    return None
