"""Refuses what YAML can say and no document means: aliases that make it huge or endless, and half characters."""

from __future__ import annotations

from typing import Any

from opsctl.core.document import Source

MOST_VALUES = 2_000_000


def sound(source: Source) -> Source:
    """The same source, of at most MOST_VALUES values with every alias written out. Raises DocumentError.

    Source: yaml.v3, which limits aliasing and refuses the escape of a surrogate.
    """
    try:
        size = _size(source.data, {})
    except _Unsound as error:
        raise source.refuse((), str(error)) from None
    if size > MOST_VALUES:
        raise source.refuse((), f"the aliases make more than {MOST_VALUES} values of this document")
    return source


class _Unsound(Exception):
    """The reason, in a sentence."""


def _size(value: Any, sizes: dict[int, int]) -> int:
    """How many values this is written out; each list and map is looked into once, and stands at 0 while that lasts."""
    if isinstance(value, str):
        _whole(value)
    if not isinstance(value, dict | list):
        return 1
    known = sizes.get(id(value))
    if known is not None:
        if known == 0:
            raise _Unsound("an alias contains itself")
        return known
    sizes[id(value)] = 0
    inner = [*value, *value.values()] if isinstance(value, dict) else value
    size = sizes[id(value)] = 1 + sum(_size(each, sizes) for each in inner)
    return size


def _whole(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _Unsound(f"half of a character: \\u{ord(text[error.start]):04x}") from None
