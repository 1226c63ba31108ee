"""The notation of series in tests: `up{job="a"} 0+1x5 _ stale -2x3`.

Source: promql/parser ParseSeriesDesc. Used by rule tests and by the reader of Prometheus' own test files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from opsctl.model.labels import METRIC_NAME, Labels
from opsctl.model.series import STALE, Series
from opsctl.promql.errors import PromqlParseError
from opsctl.promql.lexer import Token, label_tokens
from opsctl.promql.literals import unquoted

_NUMBER = r"(?:[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?|[iI][nN][fF]|[nN][aA][nN])"
_ITEM = re.compile(
    rf"(?P<blank>_)(?:x(?P<blanks>\d+))?$|(?P<stale>stale)(?:x(?P<stales>\d+))?$"
    rf"|(?P<start>[+-]?{_NUMBER})(?:(?P<step>[+-]{_NUMBER})?x(?P<times>\d+))?$"
)
_MOST = 1_000_000


@dataclass(frozen=True)
class Described:
    """One line: labels, and one value a step; None where there is no sample; STALE marks the end of a series."""

    labels: Labels
    values: tuple[float | None, ...]

    def series(self, start_ms: int, step_ms: int) -> Series:
        """As a series whose value i stands at start + i × step."""
        held = [i for i, v in enumerate(self.values) if v is not None]
        times = start_ms + np.array(held, dtype=np.int64) * step_ms
        return Series(self.labels, times, np.array([self.values[i] for i in held], dtype=np.float64))


def described(text: str) -> Described:
    """Reads `metric{labels} values`. Raises PromqlParseError."""
    labels, rest = split_series(text)
    return Described(labels, values(rest))


def series_labels(text: str) -> Labels:
    """Reads `metric{labels}` alone. Raises PromqlParseError."""
    labels, rest = split_series(text)
    if rest.strip():
        raise PromqlParseError(f"unexpected {rest.strip()!r} after the labels", text, len(text) - len(rest.lstrip()))
    return labels


def split_series(text: str) -> tuple[Labels, str]:
    """The labels at the begin of a text, and what follows them."""
    name = re.match(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)?\s*", text)
    assert name is not None
    at = name.end()
    pairs = {METRIC_NAME: name.group(1)} if name.group(1) else {}
    if text[at : at + 1] == "{" and text[at : at + 2] != "{{":
        end = _closing(text, at)
        for key, value in _pairs(text, label_tokens(text[at : end + 1])):
            pairs[key] = value
        at = end + 1
    if not pairs and text.strip() and text[name.end() : name.end() + 1] != "{":
        raise PromqlParseError("missing metric name or label set", text, 0)
    return Labels(pairs), text[at:]


def _closing(text: str, at: int) -> int:
    quoted = ""
    escaped = False
    for place in range(at, len(text)):
        char = text[place]
        if quoted:
            ended = char == quoted and not escaped
            escaped = char == "\\" and not escaped and quoted != "`"
            quoted = "" if ended else quoted
        elif char in "\"'`":
            quoted = char
        elif char == "}":
            return place
    raise PromqlParseError("unexpected end of input inside braces", text, len(text))


def _pairs(text: str, inside: Sequence[Token]) -> list[tuple[str, str]]:
    found = []
    index = 0
    while index < len(inside):
        name = inside[index]
        rest = [t.text for t in inside[index + 1 : index + 2]]
        if name.kind == "string" and rest in ([], [","]):
            found.append((METRIC_NAME, unquoted(name.text)))
            index += 2
            continue
        value = inside[index + 2] if index + 2 < len(inside) else None
        if name.kind not in ("identifier", "string") or rest != ["="] or value is None or value.kind != "string":
            raise PromqlParseError(f"unexpected {name.text!r} in label set", text, name.position)
        found.append((name.text if name.kind == "identifier" else unquoted(name.text), unquoted(value.text)))
        if index + 3 < len(inside) and inside[index + 3].text != ",":
            raise PromqlParseError(f"unexpected {inside[index + 3].text!r} in label set", text, 0)
        index += 4
    return found


def values(text: str) -> tuple[float | None, ...]:
    """Reads `1 2+3x4 _ _x2 stale`: `a+bxn` is n + 1 values. Raises PromqlParseError."""
    made: list[float | None] = []
    for word in text.split():
        if word.startswith("{{"):
            raise PromqlParseError("native histograms are not supported", text, text.find("{{"))
        match = _ITEM.match(word)
        if match is None:
            raise PromqlParseError(f"unexpected {word!r} in series values", text, text.find(word))
        made += _item(text, match)
        if len(made) > _MOST:
            raise PromqlParseError(f"more than {_MOST} values in one series", text, 0)
    return tuple(made)


def _item(text: str, match: re.Match[str]) -> list[float | None]:
    for kind, times, value in (("blank", "blanks", None), ("stale", "stales", STALE)):
        if match.group(kind):
            return [value] * _times(text, match.group(times) or "1")
    start = _number(match.group("start"))
    if match.group("times") is None:
        return [start]
    step = _number(match.group("step")) if match.group("step") else 0.0
    made: list[float | None] = [start]
    here = start
    for _ in range(_times(text, match.group("times"))):
        here += step
        made.append(here)
    return made


def _times(text: str, digits: str) -> int:
    if len(digits) > 7 or int(digits) > _MOST:
        raise PromqlParseError(f"more than {_MOST} values in one series", text, 0)
    return int(digits)


def _number(text: str) -> float:
    return float(text)
