"""The exposition formats, text 0.0.4 and OpenMetrics 1.0, line by line.

A line is cut into its series text and its value only; the series text is parsed when it is seen for the first time
(`parse_series`), which makes a scrape about ten times cheaper than a full parser.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from opsctl.model.labels import METRIC_NAME, Labels

_NAME = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)?\s*")
_PAIR = re.compile(r'\s*(?:([a-zA-Z_][a-zA-Z0-9_]*)|"((?:[^"\\]|\\.)*)")\s*=\s*"((?:[^"\\]|\\.)*)"\s*(,|$)', re.DOTALL)
_QUOTED_NAME = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*(,|$)', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class BadExposition(ValueError):
    """The text is not what a /metrics page may hold; the message names the line."""


@dataclass(slots=True)
class Exposition:
    """What a page said: `keys[i]` (series text) has `values[i]`; `stamped` those with a time of their own (ms)."""

    keys: list[str] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    stamped: list[tuple[str, float, int]] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)


def parse(text: str, openmetrics: bool = False) -> Exposition:
    """Cuts a page into series texts and values. Raises BadExposition."""
    page = Exposition()
    keys, values = page.keys, page.values
    ascii_only = text.isascii()
    for number, line in enumerate(text.split("\n"), start=1):
        if not line:
            continue
        if line[0] == "#":
            if line == "# EOF" and openmetrics:
                return page
            page.comments.append(line)
            continue
        if openmetrics and " # " in line:
            line = _without_exemplar(line)
        end = line.rfind("}") + 1
        if not end:
            end = len(line.split(None, 1)[0]) if line.strip() else 0
            if not end:
                continue
        said = line[end:]
        if "_" in said or not (ascii_only or said.isascii()):
            raise _no_value(number, said)
        try:
            values.append(float(said))
            keys.append(line[:end])
        except ValueError:
            _stamped(page, line[:end], said, number, openmetrics)
    if openmetrics:
        raise BadExposition("data does not end with # EOF")
    return page


def _stamped(page: Exposition, key: str, said: str, number: int, openmetrics: bool) -> None:
    parts = said.split()
    try:
        value, at = (float(parts[0]), parts[1]) if len(parts) == 2 else (0.0, "")
        at_ms = round(float(at) * 1000) if openmetrics else int(at)
    except (ValueError, OverflowError) as error:
        raise _no_value(number, said) from error
    page.stamped.append((key, value, at_ms))


def _no_value(number: int, said: str) -> BadExposition:
    """Python reads `1_000` and digits of every script as numbers; the formats know neither."""
    return BadExposition(f"line {number}: expected a value, got {said.strip()[:40]!r}")


def _without_exemplar(line: str) -> str:
    """Cuts ` # {…} …` off, unless it stands inside a label value."""
    position = line.find(" # ")
    while position >= 0:
        quotes = line[:position].replace("\\\\", "").replace('\\"', "").count('"')
        if quotes % 2 == 0:
            return line[:position]
        position = line.find(" # ", position + 1)
    return line


def parse_series(text: str) -> Labels:
    """`name{a="b"}`, or `{"a name",a="b"}`, as labels. Raises BadExposition."""
    match = _NAME.match(text)
    name = (match[1] or "") if match else ""
    rest = text[match.end() :] if match else text
    labels = {METRIC_NAME: name} if name else {}
    if rest:
        if rest[0] != "{" or rest[-1] != "}":
            raise BadExposition(f"not a series: {text[:80]!r}")
        _parse_pairs(rest[1:-1], labels, text)
    if not labels.get(METRIC_NAME):
        raise BadExposition(f"a series without a name: {text[:80]!r}")
    return Labels(labels)


def _parse_pairs(inner: str, labels: dict[str, str], text: str) -> None:
    at = 0
    quoted = _QUOTED_NAME.match(inner)
    if quoted and METRIC_NAME not in labels:
        labels[METRIC_NAME] = _unescape(quoted[1])
        at = quoted.end()
    while at < len(inner):
        match = _PAIR.match(inner, at)
        if match is None:
            if inner[at:].strip():
                raise BadExposition(f"bad labels in {text[:80]!r}")
            return
        name = match[1] if match[1] is not None else _unescape(match[2])
        if name in labels:
            raise BadExposition(f"label {name!r} stands twice in {text[:80]!r}")
        labels[name] = _unescape(match[3])
        at = match.end()


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda m: {"n": "\n", "\\": "\\", '"': '"'}.get(m[1], m[0]), text)


@dataclass(frozen=True)
class Metadata:
    """What a page says about a metric."""

    type: str = "unknown"
    help: str = ""
    unit: str = ""


def parse_comments(comments: list[str]) -> dict[str, Metadata]:
    """`# TYPE`, `# HELP` and `# UNIT` lines by metric name."""
    found: dict[str, dict[str, str]] = {}
    for line in comments:
        parts = line.split(" ", 3)
        if len(parts) == 4 and parts[1] in ("TYPE", "HELP", "UNIT"):
            found.setdefault(parts[2], {})[parts[1].lower()] = parts[3]
    return {
        name: Metadata(_type(d.get("type", "")), _unescape(d.get("help", "")), d.get("unit", ""))
        for name, d in found.items()
    }


def _type(text: str) -> str:
    return text.strip() if text.strip() not in ("", "untyped") else "unknown"
