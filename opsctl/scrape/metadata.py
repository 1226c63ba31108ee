"""`# TYPE`, `# HELP` and `# UNIT`: what a page says of its metrics. Source: Prometheus 3, model/textparse."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from opsctl.model.metadata import Metadata

_NAME = r'(?:"((?:\\.|[^"\\])*)"|([a-zA-Z_:][a-zA-Z0-9_:]*))'
_TEXT = re.compile(rf"#[ \t]+(HELP|TYPE)[ \t]+{_NAME}(.*)", re.DOTALL)
_OPENMETRICS = re.compile(rf"# (HELP|TYPE|UNIT) {_NAME} (.*)", re.DOTALL)
_KEYWORD = re.compile(r"#[ \t]+(HELP|TYPE)(?=[ \t])")
_TEXT_TYPES = frozenset(("counter", "gauge", "histogram", "summary", "untyped"))
_OPENMETRICS_TYPES = frozenset((
    "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset", "unknown",
))  # fmt: skip
_ESCAPE = re.compile(r'\\([\\n"])')


class BadMetadata(ValueError):
    """A line that starts as metadata and is none."""


@dataclass(frozen=True)
class Said:
    """One line: `keyword` is TYPE, HELP or UNIT."""

    keyword: str
    name: str
    text: str


def text_comment(line: str) -> Said | None:
    """A line of the text format that begins with `#`; None for a plain comment. Raises BadMetadata."""
    match = _TEXT.fullmatch(line)
    if match is None:
        begun = _KEYWORD.match(line)
        if begun:
            raise BadMetadata(f"expected metric name after {begun[1]} while parsing: {line[:80]!r}")
        return None
    keyword, said = match[1], _without_blank(match[4])
    if keyword == "TYPE":
        if said not in _TEXT_TYPES:
            raise BadMetadata(f'invalid metric type "{said[:40]}"')
        said = "unknown" if said == "untyped" else said
    return Said(keyword, _name(match[2], match[3]), _unescaped(said, quotes=False) if keyword == "HELP" else said)


def openmetrics_comment(line: str) -> Said:
    """A line of OpenMetrics that begins with `#`: there are no plain comments. Raises BadMetadata."""
    match = _OPENMETRICS.fullmatch(line)
    if match is None:
        raise BadMetadata(f"expected a valid start token, got {line[:40]!r}")
    keyword, name, said = match[1], _name(match[2], match[3]), match[4]
    if keyword == "TYPE" and said not in _OPENMETRICS_TYPES:
        raise BadMetadata(f'invalid metric type "{said[:40]}"')
    if keyword == "UNIT" and said and not name.endswith(f"_{said}"):
        raise BadMetadata(f'unit "{said[:40]}" not a suffix of metric "{name[:80]}"')
    return Said(keyword, name, _unescaped(said, quotes=True) if keyword == "HELP" else said)


def _name(quoted: str | None, plain: str) -> str:
    return _unescaped(quoted, quotes=True) if quoted is not None else plain


def _without_blank(text: str) -> str:
    """The lexer takes blanks after a name one by one, and all of them for a type."""
    return text[1:] if text[:1] in (" ", "\t") else text


def _unescaped(text: str, quotes: bool) -> str:
    if "\\" not in text:
        return text
    known = {"n": "\n", "\\": "\\", '"': '"' if quotes else '\\"'}
    return _ESCAPE.sub(lambda m: known[m[1]], text)


def collected(lines: Iterable[Said]) -> dict[str, Metadata]:
    """All lines of a page by metric name; of two of a kind, the last."""
    found: dict[str, dict[str, str]] = {}
    for line in lines:
        found.setdefault(line.name, {})[line.keyword.lower()] = line.text
    return {name: Metadata(d.get("type", "unknown"), d.get("help", ""), d.get("unit", "")) for name, d in found.items()}
