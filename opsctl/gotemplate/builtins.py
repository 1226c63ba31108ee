"""The functions that every Go template has. Source: text/template/funcs.go."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote_plus

from opsctl.gotemplate.errors import TemplateError
from opsctl.gotemplate.text import go_text, go_type, sprint, sprintf


def truth(value: Any) -> bool:
    """Go's truth: not zero, not empty, not nil."""
    if isinstance(value, bool | int | float):
        return value != 0
    if value is None:
        return False
    if isinstance(value, str | Sequence | Mapping):
        return len(value) > 0
    return True


def _kind(value: Any) -> str:
    for kind, name in ((bool, "bool"), (int, "int"), (float, "float"), (str, "string")):
        if isinstance(value, kind):
            return name
    return "nil" if value is None else "other"


def _incompatible(left: Any, right: Any) -> TemplateError:
    return TemplateError(f"incompatible types for comparison: {go_type(left)} and {go_type(right)}")


def _equal(left: Any, right: Any) -> bool:
    kinds = _kind(left), _kind(right)
    if "other" in kinds:
        raise TemplateError("non-comparable type in eq")
    if kinds[0] != kinds[1]:
        if "nil" in kinds:
            return False
        raise _incompatible(left, right)
    return bool(left == right)


def _eq(first: Any, *others: Any) -> bool:
    if not others:
        raise TemplateError("missing argument for comparison")
    return any(_equal(first, each) for each in others)


def _ne(left: Any, right: Any) -> bool:
    return not _equal(left, right)


def _less(left: Any, right: Any) -> bool:
    kinds = _kind(left), _kind(right)
    if kinds[0] in ("other", "nil", "bool") or kinds[1] in ("other", "nil", "bool"):
        raise TemplateError("invalid type for comparison")
    if kinds[0] != kinds[1]:
        raise _incompatible(left, right)
    return bool(left < right)


def _le(left: Any, right: Any) -> bool:
    return _less(left, right) or _equal(left, right)


def _gt(left: Any, right: Any) -> bool:
    return not _le(left, right)


def _ge(left: Any, right: Any) -> bool:
    return not _less(left, right)


def _len(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, Sequence | Mapping):
        return len(value)
    raise TemplateError(f"len of type {_kind(value)}")


def _index(value: Any, *places: Any) -> Any:
    for place in places:
        if value is None:
            raise TemplateError("index of untyped nil")
        if isinstance(value, Mapping):
            if not isinstance(place, str):
                raise TemplateError(f"value has type {go_type(place)}; should be string")
            value = value.get(place, "")
            continue
        if not isinstance(value, Sequence):
            raise TemplateError(f"can't index item of type {_kind(value)}")
        if not isinstance(place, int) or isinstance(place, bool):
            raise TemplateError(f"cannot index slice/array with type {go_type(place)}")
        if not 0 <= place < len(value):
            raise TemplateError(f"index out of range: {place}")
        value = value.encode()[place] if isinstance(value, str) else value[place]
    return value


def _slice(value: Any, *places: Any) -> Any:
    if not isinstance(value, str | Sequence) or isinstance(value, Mapping):
        raise TemplateError(f"can't slice item of type {_kind(value)}")
    bounds = [0, len(value), len(value)]
    for index, place in enumerate(places):
        if index > 2 or not isinstance(place, int) or isinstance(place, bool) or not 0 <= place <= len(value):
            raise TemplateError(f"index out of range: {place}")
        bounds[index] = place
    if bounds[0] > bounds[1]:
        raise TemplateError(f"invalid slice index: {bounds[0]} > {bounds[1]}")
    return value[bounds[0] : bounds[1]]


def _js(*values: Any) -> str:
    made = sprint(*values)
    for char, written in (("\\", "\\\\"), ("'", "\\'"), ('"', '\\"'), ("<", "\\u003C"), (">", "\\u003E"),
                          ("&", "\\u0026"), ("=", "\\u003D"), ("\n", "\\u000A"), ("\r", "\\u000D")):  # fmt: skip
        made = made.replace(char, written)
    return made


def _html(*values: Any) -> str:
    return html.escape(sprint(*values)).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")


BUILTINS: Mapping[str, Callable[..., Any]] = {
    "eq": _eq,
    "ne": _ne,
    "lt": _less,
    "le": _le,
    "gt": _gt,
    "ge": _ge,
    "not": lambda value: not truth(value),
    "len": _len,
    "index": _index,
    "slice": _slice,
    "print": sprint,
    "println": lambda *values: " ".join(go_text(v) for v in values) + "\n",
    "printf": sprintf,
    "html": _html,
    "js": _js,
    "urlquery": lambda *values: quote_plus(sprint(*values), safe="-_.~"),
    "and": lambda *values: next((v for v in values if not truth(v)), values[-1]),
    "or": lambda *values: next((v for v in values if truth(v)), values[-1]),
}
LAZY = ("and", "or")
