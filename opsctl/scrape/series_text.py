"""The text of a series, `name{a="b"}` or `{"a name",a="b"}`, as labels. Source: Prometheus 3, model/textparse lexers."""

from __future__ import annotations

import re

from opsctl.model.labels import METRIC_NAME, Labels
from opsctl.scrape.number import bound_text

_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_BLANKS = re.compile(r"[ \t]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_QUOTED = re.compile(r'"((?:\\.|[^"\\])*)"', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_BOUNDS = {"histogram": "le", "summary": "quantile"}


class BadSeries(ValueError):
    """The text is no series. `counted`: it is one, but with labels that nothing can have."""

    def __init__(self, message: str, counted: bool = False) -> None:
        super().__init__(message)
        self.counted = counted


def parse_series(text: str, openmetrics: bool = False) -> Labels:
    """The labels of a series. Raises BadSeries."""
    return Labels(read_series(text, openmetrics))


def parse_openmetrics(text: str) -> Labels:
    """The labels of a series as strictly as OpenMetrics writes it. Raises BadSeries."""
    return parse_series(text, openmetrics=True)


def read_series(text: str, openmetrics: bool = False, kind: str = "") -> dict[str, str]:
    """All that is written, labels without a value too: with honor_labels they take a target's label away.

    `kind`: the type that the page gave last; bounds of a histogram or summary are written one way. Raises BadSeries.
    The text format passes over blanks and missing commas, OpenMetrics does not.
    """
    return _Reader(text, openmetrics, _BOUNDS.get(kind, "")).pairs()


class _Reader:
    def __init__(self, text: str, openmetrics: bool, bound: str) -> None:
        self._text, self._strict, self._bound = text, openmetrics, bound
        self._at = 0
        self._found: dict[str, str] = {}

    def pairs(self) -> dict[str, str]:
        self._skip()
        name = _METRIC.match(self._text, self._at)
        if name:  # blanks before a name are part of it, as in Prometheus
            self._found[METRIC_NAME], self._at = self._text[: name.end()], name.end()
            self._skip()
        if self._at < len(self._text):
            self._expect("{", "expected value after metric" if name else "expected a valid start token")
            self._braces()
            self._skip()
        if self._at < len(self._text):
            raise self._wrong("expected value after metric")
        if METRIC_NAME not in self._found:
            raise BadSeries(f"metric name not set while parsing: {self._text[:80]!r}")
        return self._found

    def _skip(self) -> None:
        if not self._strict:
            match = _BLANKS.match(self._text, self._at)
            self._at = match.end() if match else self._at

    def _braces(self) -> None:
        while not self._take("}"):
            name, quoted = self._label()
            if quoted and self._peek() in (",", "}"):
                if METRIC_NAME in self._found:
                    raise BadSeries(f"metric name already set while parsing: {self._text[:80]!r}")
                self._found[METRIC_NAME] = name
            else:
                self._value(name)
            if not self._take(",") and self._strict and self._peek() != "}":
                raise self._wrong("expected comma or brace close")

    def _label(self) -> tuple[str, bool]:
        self._skip()
        plain = _LABEL.match(self._text, self._at)
        match = plain or _QUOTED.match(self._text, self._at)
        if match is None:
            raise self._wrong("expected label name")
        self._at = match.end()
        return (match[0], False) if plain else (_unescaped(match[1]), True)

    def _value(self, name: str) -> None:
        self._expect("=", "expected equal")
        self._skip()
        match = _QUOTED.match(self._text, self._at)
        if match is None:
            raise self._wrong("expected label value")
        self._at = match.end()
        if name in self._found:
            raise BadSeries(f'label name "{name}" is not unique: invalid sample', counted=True)
        if not name:
            raise BadSeries(f"invalid metric name or label names: {self._text[:80]!r}", counted=True)
        value = _unescaped(match[1])
        self._found[name] = bound_text(value) if name == self._bound else value

    def _peek(self) -> str:
        self._skip()
        return self._text[self._at : self._at + 1]

    def _take(self, character: str) -> bool:
        if self._peek() != character:
            return False
        self._at += 1
        return True

    def _expect(self, character: str, wanted: str) -> None:
        if not self._take(character):
            raise self._wrong(wanted)

    def _wrong(self, wanted: str) -> BadSeries:
        got = self._text[self._at : self._at + 20]
        return BadSeries(f"{wanted}, got {got!r} while parsing: {self._text[:80]!r}")


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda m: {"n": "\n", "\\": "\\", '"': '"'}.get(m[1], m[0]), text)
