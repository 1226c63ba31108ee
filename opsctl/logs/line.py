"""Reads one line of an ECS JSON file; what is no JSON is kept as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from opsctl.core.clock import parse_iso
from opsctl.model.logline import LogLine, Scalar

_MESSAGE_CHARS = 32_000
_WORD_CHARS = 256
_FIELDS = 200
_OWN = ("@timestamp", "log.level", "service.name", "message", "trace.id", "ecs.version")
_INT64 = 1 << 63


def read_line(raw: bytes, key: str, fallback_at: float) -> tuple[LogLine, bool]:
    """The line and whether it was well-formed. A bad one becomes a line of plain text at `fallback_at`.

    Source: Elastic Common Schema 8; dotted and nested keys are the same.
    """
    try:
        found = orjson.loads(raw)
        if not isinstance(found, dict):
            raise ValueError("not an object")
        flat = dict(_flatten("", found))
        at = _time(flat)
    except (ValueError, OverflowError):
        return _as_text(raw, key, fallback_at), False
    rest = {k: v for k, v in flat.items() if k not in _OWN}
    line = LogLine(
        at=at, level=_text(flat, "log.level").lower()[:_WORD_CHARS], service=_text(flat, "service.name")[:_WORD_CHARS],
        message=_text(flat, "message")[:_MESSAGE_CHARS], trace_id=_text(flat, "trace.id")[:_WORD_CHARS],
        fields=dict(list(rest.items())[:_FIELDS]), id=key,
    )  # fmt: skip
    return line, True


def words_of(line: LogLine) -> list[str]:
    """Every value of a line but its message, as text: what a search without a field looks through."""
    values: list[str] = [v for v in (line.service, line.trace_id) if v]
    for each in line.fields.values():
        values += [str(one) for one in (each if isinstance(each, list) else [each])]
    return values


def _as_text(raw: bytes, key: str, at: float) -> LogLine:
    text = raw.decode("utf-8", errors="replace")[:_MESSAGE_CHARS]
    return LogLine(_milliseconds(at), "", "", text, "", {"event.kind": "unparsed"}, key)


def _time(flat: dict[str, Any]) -> float:
    at = flat.get("@timestamp")
    if not isinstance(at, str):
        raise ValueError("no @timestamp")
    found = _milliseconds(parse_iso(at))
    if not 0 <= found < 32_503_680_000:
        raise ValueError("@timestamp out of range")
    return found


def _milliseconds(at: float) -> float:
    return round(at * 1000) / 1000


def _text(flat: dict[str, Any], name: str) -> str:
    value = flat.get(name, "")
    return value if isinstance(value, str) else str(value)


def _flatten(prefix: str, value: dict[str, Any]) -> Iterator[tuple[str, Scalar | list[Scalar]]]:
    for key, each in value.items():
        name = f"{prefix}{key}"
        if isinstance(each, dict):
            yield from _flatten(f"{name}.", each)
        elif isinstance(each, list):
            yield name, [_scalar(e) for e in each if e is not None]
        elif each is not None:
            yield name, _scalar(each)


def _scalar(value: Any) -> Scalar:
    if isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if -_INT64 <= value < _INT64 else str(value)
    return value[:_MESSAGE_CHARS] if isinstance(value, str) else orjson.dumps(value).decode()[:_MESSAGE_CHARS]
