"""The functions of Prometheus' rule templates. Source: prometheus template/template.go."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlsplit

from opsctl.gotemplate import TemplateError, go_text
from opsctl.gotemplate.durations import within_reach
from opsctl.gotemplate.regexp import compiled, replace_all
from opsctl.model.duration import parse_duration
from opsctl.rules.humanize import (
    humanize,
    humanize1024,
    humanize_duration,
    humanize_percentage,
    humanize_timestamp,
    number,
)  # fmt: skip
from opsctl.rules.moments import Length, moment


@dataclass(frozen=True)
class Sample:
    """One element of what `query` gives."""

    labels: Mapping[str, str]
    value: float

    def template_fields(self) -> Mapping[str, Any]:
        return {"Labels": self.labels, "Value": self.value}

    def __go_text__(self) -> str:
        return f"{{{go_text(self.labels)} {go_text(self.value)}}}"


Query = Callable[[str], Sequence[Sample]]


def rule_functions(query: Query, external_url: str, now: float) -> Mapping[str, Callable[..., Any]]:
    """All of them; `query` evaluates an expression at the rule's own time."""
    return {
        **_PURE,
        "query": lambda expr: list(query(_string(expr))),
        "externalURL": lambda: external_url,
        "pathPrefix": lambda: urlsplit(external_url).path,
        "now": lambda: now,
    }


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TemplateError(f"wrong type for value; expected string; got {go_text(value)}")
    return value


def _first(samples: Any) -> Sample:
    if not isinstance(samples, list):
        raise TemplateError(f"wrong type for value; expected template.queryResult; got {go_text(samples)}")
    if not samples:
        raise TemplateError("first() called on vector with no elements")
    return _sample(samples[0])


def _sample(value: Any) -> Sample:
    if not isinstance(value, Sample):
        raise TemplateError(f"wrong type for value; expected *template.sample; got {go_text(value)}")
    return value


def _sort_by_label(label: str, samples: Sequence[Sample]) -> list[Sample]:
    return sorted(samples, key=lambda s: s.labels.get(label, ""))


def _replace_all(pattern: str, replacement: str, text: str) -> str:
    return replace_all(_string(pattern), _string(replacement), _string(text))


def _match(pattern: str, text: str) -> bool:
    return compiled(_string(pattern)).search(_string(text)) is not None


_WORD = re.compile(r"\w+(?:['’.]\w+|(?<=[^\W\d_])[:·](?=[^\W\d_])\w+|(?<=\d)[,;](?=\d)\w+)*")
_CASED = re.compile(r"[^\W\d_]")


def _title(text: str) -> str:
    """The first letter of each word large, the others as they are: `it's` and `a.b` are one word. Source: Unicode TR29."""
    return _WORD.sub(lambda word: _CASED.sub(_large, word.group(), count=1), _string(text))


def _large(letter: re.Match[str]) -> str:
    return letter.group().title()


def _split_host(text: str) -> tuple[str, str] | None:
    """Go's net.SplitHostPort: (host, port), or None for what is no such pair."""
    head, colon, port = text.rpartition(":")
    if not colon:
        return None
    if head.startswith("[") and head.endswith("]"):
        head = head[1:-1]
    elif ":" in head:
        return None
    return None if any(char in f"{head}{port}" for char in "[]") else (head, port)


def _strip_port(host: str) -> str:
    pair = _split_host(_string(host))
    return host if pair is None else pair[0]


def _strip_domain(host: str) -> str:
    bare, port = _split_host(_string(host)) or (host, "")
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        name = bare.split(".")[0]
        return f"{name}:{port}" if port else name
    return host


def _link(tab: int) -> Callable[[str], str]:
    return lambda expr: f"/graph?g0.expr={quote_plus(_string(expr), safe='~')}&g0.tab={tab}"


def table_link(expr: str) -> str:
    """The path of an expression's page, which is an alert's generator URL."""
    return _link(1)(expr)


def _parse_duration(text: str) -> float:
    try:
        return parse_duration(_string(text))
    except ValueError as error:
        raise TemplateError(f'not a valid duration string: "{text}"') from error


_PURE: Mapping[str, Callable[..., Any]] = {
    "first": _first,
    "label": lambda label, sample: _sample(sample).labels.get(label, ""),
    "value": lambda sample: _sample(sample).value,
    "strvalue": lambda sample: _sample(sample).labels.get("__value__", ""),
    "args": lambda *values: {f"arg{i}": value for i, value in enumerate(values)},
    "reReplaceAll": _replace_all,
    "safeHtml": _string,
    "match": _match,
    "title": _title,
    "toUpper": lambda text: _string(text).upper(),
    "toLower": lambda text: _string(text).lower(),
    "graphLink": _link(0),
    "tableLink": _link(1),
    "sortByLabel": _sort_by_label,
    "stripPort": _strip_port,
    "stripDomain": _strip_domain,
    "urlQueryEscape": lambda text: quote_plus(_string(text), safe="~"),
    "humanize": humanize,
    "humanize1024": humanize1024,
    "humanizeDuration": humanize_duration,
    "humanizePercentage": humanize_percentage,
    "humanizeTimestamp": humanize_timestamp,
    "toTime": lambda value: moment(number(value)),
    "toDuration": lambda value: Length(within_reach(number(value))),
    "parseDuration": _parse_duration,
}
