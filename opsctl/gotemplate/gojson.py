"""JSON as Go's encoding/json writes it: `<`, `>`, `&` escaped, maps sorted. Source: encoding/json/encode.go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from opsctl.gotemplate.errors import TemplateError

_ESCAPES = ((b"&", rb"\u0026"), (b"<", rb"\u003c"), (b">", rb"\u003e"), ("\u2028".encode(), rb"\u2028"),
            ("\u2029".encode(), rb"\u2029"))  # fmt: skip


def go_json(value: Any) -> bytes:
    """A value as json.Marshal writes it. Raises TemplateError for what has no JSON."""
    try:
        made = orjson.dumps(_plain(value), option=orjson.OPT_PASSTHROUGH_SUBCLASS, default=_subclass)
    except (TypeError, orjson.JSONEncodeError) as error:
        raise TemplateError(f"json: {error}") from error
    return escaped(made)


def escaped(made: bytes) -> bytes:
    """JSON with what Go escapes in it escaped; these characters stand in strings only."""
    for plain, written in _ESCAPES:
        if plain in made:
            made = made.replace(plain, written)
    return made


def _subclass(value: Any) -> Any:
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"unsupported type: {type(value).__name__}")


def _plain(value: Any) -> Any:
    """What orjson can write. An object of ours says by `__go_json__` how its struct is written."""
    written = getattr(value, "__go_json__", None)
    if written is not None:
        return _plain(written())
    if isinstance(value, Struct):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, Mapping):
        return {k: _plain(value[k]) for k in sorted(value)}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(v) for v in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value) if abs(value) < 2**63 else value
    return value


class Struct(dict[str, Any]):
    """A mapping whose keys keep their order, as the fields of a Go struct do."""
