"""Types of fields in prometheus.yml, as strict as Prometheus is with them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BeforeValidator, NonNegativeInt

from opsctl.core.document import Source
from opsctl.core.http_settings import HttpSettings
from opsctl.model.duration import parse_duration
from opsctl.model.size import parse_size

Place = tuple[int | str, ...]
_LEGACY = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_FILES = re.compile(r"[^*]*(\*[^/]*)?")


def _span(value: Any) -> float:
    """Seconds; a number alone, 0 excepted, is no duration."""
    return value if isinstance(value, float) else parse_duration(str(value))


def _bytes(value: Any) -> int:
    return parse_size(str(value))


Span = Annotated[float, BeforeValidator(_span)]
"""Seconds, written as `90s` or `1h30m`."""
Bytes = Annotated[int, BeforeValidator(_bytes)]
"""Bytes, written as `512KB` or `10MB`."""
Limit = NonNegativeInt
"""0 for no limit."""


def without_nulls(data: Any) -> Any:
    """A key without a value is the same as none, as Go reads it."""
    if isinstance(data, dict):
        return {key: without_nulls(value) for key, value in data.items() if value is not None}
    return [without_nulls(value) for value in data] if isinstance(data, list) else data


def check_http(source: Source, place: Place, settings: HttpSettings) -> None:
    """Raises DocumentError where the settings of an HTTP client do not go together."""
    path, wrong = settings.mistake()
    if wrong:
        raise source.refuse((*place, *path), wrong)


def check_label_names(source: Source, place: Place, names: Iterable[str], legacy: bool = False) -> None:
    """Raises DocumentError at a name that no label may have. `legacy`: only letters, digits and `_`."""
    for name in names:
        if not name or (legacy and not _LEGACY.fullmatch(name)):
            raise source.refuse((*place, name), f'"{name}" is not a valid label name')


def check_file_patterns(source: Source, key: str, patterns: Iterable[str], what: str) -> None:
    """Raises DocumentError at a pattern with a `*` before the last part of the path."""
    for number, pattern in enumerate(patterns):
        if not _FILES.fullmatch(pattern):
            raise source.refuse((key, number), f'invalid {what} file path "{pattern}"')
