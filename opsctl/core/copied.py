"""dataclasses.replace in a tenth of its time, for what is done several times a message."""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T")


def copied(value: T, **changes: Any) -> T:
    """A copy of a frozen dataclass without slots, with some fields changed.

    Cached properties are copied too: `changes` must not touch what they were computed from.
    """
    made = object.__new__(type(value))
    made.__dict__.update(value.__dict__, **changes)
    return made
