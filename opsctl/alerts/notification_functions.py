"""The functions of notification templates. Source: alertmanager template.DefaultFuncs."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

from opsctl.gotemplate.durations import humanize_seconds
from opsctl.gotemplate.errors import TemplateError
from opsctl.gotemplate.gojson import go_json
from opsctl.gotemplate.gotime import ZERO, GoDuration, GoTime
from opsctl.gotemplate.layouts import read_time
from opsctl.gotemplate.regexp import compiled, replace_all
from opsctl.gotemplate.safe import SafeHtml, SafeUrl
from opsctl.gotemplate.text import go_text

_HEAVIEST = 100_000
_WORD = re.compile(r"\w(?:\w|['’.:·](?=\w))*")
_LETTER = re.compile(r"[^\W\d_]")
_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2}).{0,2}")
_SPACE = " \t\n\v\f\r\x85\xa0\u2028\u2029\u3000"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TemplateError(f"wrong type for value; expected string; got {go_text(value)}")
    return str(value)


def _time(value: Any) -> GoTime:
    if not isinstance(value, GoTime):
        raise TemplateError(f"wrong type for value; expected time.Time; got {go_text(value)}")
    return value


def _list(value: Any) -> list[Any]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TemplateError(f"wrong type for value; expected a list; got {go_text(value)}")
    return list(value)


def _title(text: str) -> str:
    """Each word with a capital, the rest of it small."""
    return _WORD.sub(lambda m: _LETTER.sub(lambda c: c.group().upper(), m.group().lower(), count=1), _text(text))


def _unescaped(text: str) -> str:
    bad = _BAD_ESCAPE.search(_text(text))
    if bad is not None:
        raise TemplateError(f'invalid URL escape "{bad.group()}"')
    return unquote_to_bytes(text.replace("+", " ")).decode("utf-8", "replace")


def _seconds(value: Any) -> float:
    if isinstance(value, GoDuration):
        return value.seconds
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TemplateError(f"can't convert {go_text(value)} to float")
    try:
        return float(value)
    except ValueError as error:
        raise TemplateError(f'strconv.ParseFloat: parsing "{value}": invalid syntax') from error


def _to_date(layout: str, text: str) -> GoTime:
    try:
        return _must_to_date(layout, text)
    except TemplateError:
        return ZERO


def _must_to_date(layout: str, text: str) -> GoTime:
    return GoTime.of(read_time(_text(layout), _text(text)))


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(_text(text), b"-_", validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError) as error:
        raise TemplateError("illegal base64 data") from error


class _Items(list[Any]):
    """A list that a template has made."""

    weight = 1


class _Table(dict[str, Any]):
    """A mapping that a template has made."""

    weight = 1


def _weighed(made: Any, parts: Iterable[Any]) -> Any:
    """Refuses what has grown out of bounds by holding itself again and again."""
    made.weight = 1 + sum(getattr(part, "weight", 1) for part in parts)
    if made.weight > _HEAVIEST:
        raise TemplateError(f"a list or dict of more than {_HEAVIEST} parts")
    return made


def _items(*values: Any) -> Any:
    return _weighed(_Items(values), values)


def _append(items: Any, *values: Any) -> Any:
    whole = [*_list(items), *values]
    return _weighed(_Items(whole), whole)


def _dict(*values: Any) -> Any:
    if len(values) % 2:
        raise TemplateError("dict requires an even number of arguments")
    if not all(isinstance(key, str) for key in values[::2]):
        raise TemplateError("dict keys must be strings")
    return _weighed(_Table(zip(values[::2], values[1::2], strict=True)), values)


def notification_functions(now: float, route_labels: Mapping[str, str]) -> Mapping[str, Callable[..., Any]]:
    """All of them, at a time: nobody below the loops asks the clock."""
    return {
        **_PURE,
        "now": lambda: GoTime.at(now),
        "since": lambda at: GoTime.at(now).since(_time(at)),
        "routeLabels": lambda name: route_labels.get(_text(name), ""),
    }


_PURE: Mapping[str, Callable[..., Any]] = {
    "toUpper": lambda text: _text(text).upper(),
    "toLower": lambda text: _text(text).lower(),
    "title": _title,
    "trimSpace": lambda text: _text(text).strip(_SPACE),
    "join": lambda sep, values: _text(sep).join(_text(v) for v in _list(values)),
    "match": lambda pattern, text: compiled(_text(pattern)).search(_text(text)) is not None,
    "safeHtml": lambda text: SafeHtml(_text(text)),
    "safeUrl": lambda text: SafeUrl(_text(text)),
    "urlUnescape": _unescaped,
    "reReplaceAll": lambda pattern, new, text: replace_all(_text(pattern), _text(new), _text(text)),
    "stringSlice": lambda *values: [_text(v) for v in values],
    "date": lambda layout, at: _time(at).format(_text(layout)),
    "tz": lambda name, at: _time(at).within(_text(name)),
    "humanizeDuration": lambda value: humanize_seconds(_seconds(value)),
    "toJson": lambda value: go_json(value).decode(),
    "toDate": _to_date,
    "mustToDate": _must_to_date,
    "base64encode": lambda text: base64.urlsafe_b64encode(_text(text).encode()).decode(),
    "base64decode": _decoded,
    "list": _items,
    "append": _append,
    "dict": _dict,
}
