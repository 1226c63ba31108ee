"""The query parameters of API v2. Source: alertmanager api/v2/openapi.yaml, go-openapi/swag."""

from __future__ import annotations

from typing import Any

import re2
from starlette.requests import Request

from opsctl.alerts.matcher_text import parse_matcher
from opsctl.model.labels import Labels
from opsctl.model.matcher import BadPattern, Matcher, matches_all

_TRUE = frozenset({"true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled"})
_GO_WORDS = {
    "missing ]": "missing closing ]", "missing )": "missing closing )",
    "no argument for repetition operator": "missing argument to repetition operator",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid repetition size": "invalid repeat count",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture",
}  # fmt: skip


class Asked:
    """What GET alerts and groups are asked for. Raises ValueError with Alertmanager's sentence."""

    def __init__(self, request: Request, classic: bool) -> None:
        self.matchers = filters(request, classic)
        self._pattern = _pattern(request.query_params.get("receiver", ""))
        self.receivers = receiver_filters(request, classic)
        self.active, self.silenced = flag(request, "active"), flag(request, "silenced")
        self.inhibited, self.muted = flag(request, "inhibited"), flag(request, "muted")

    def receiver(self, name: str, labels: Labels) -> bool:
        """Whether a receiver, with its own labels, is asked for."""
        return (self._pattern is None or self._pattern.match(name) is not None) and matches_all(self.receivers, labels)

    def wants(self, labels: Labels, silenced: tuple[str, ...], inhibited: tuple[str, ...]) -> bool:
        """Whether an alert in this state is asked for."""
        return (
            (self.active or bool(silenced or inhibited))
            and (self.silenced or not silenced)
            and (self.inhibited or not inhibited)
            and matches_all(self.matchers, labels)
        )


def flag(request: Request, name: str) -> bool:
    """True when it is not given; anything but a known word for true is false."""
    value = request.query_params.get(name, "")
    return value == "" or value.lower() in _TRUE


def filters(request: Request, classic: bool, name: str = "filter") -> tuple[Matcher, ...]:
    """Raises ValueError."""
    found = []
    for text in request.query_params.getlist(name):
        try:
            found.append(parse_matcher(text, classic))
        except ValueError as error:
            raise ValueError(go_error(error, whole=True)) from error
    return tuple(found)


def receiver_filters(request: Request, classic: bool) -> tuple[Matcher, ...]:
    """Raises ValueError."""
    try:
        return filters(request, classic, "receiver_matchers")
    except ValueError as error:
        raise ValueError(f"failed to parse receiver_matchers param: {error}") from error


def _pattern(text: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(f"^(?:{text})$", options) if text else None
    except re2.error as error:
        raise ValueError(f"failed to parse receiver param: {_regex_error(error)}") from error


def go_error(error: ValueError, whole: bool = False) -> str:
    """The sentence of a refused matcher; a bad regular expression as Go's regexp words it, `whole`: with its anchors."""
    if not isinstance(error, BadPattern):
        return str(error)
    return go_regex_error(f"^(?:{error.pattern})$" if whole else error.pattern)


def go_regex_error(pattern: str) -> str:
    """What Go's regexp says of a pattern, or '' when it is good."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        return _regex_error(error)
    return ""


def _regex_error(error: BaseException) -> str:
    raw = error.args[0] if error.args else b""
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
    kind, _, part = text.partition(": ")
    return f"error parsing regexp: {_GO_WORDS.get(kind, kind)}: `{part}`"
