"""/federate: the newest samples of chosen series as a text page, for another Prometheus to scrape.

Source: prometheus web/federate.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from opsctl.model.labels import METRIC_NAME, Labels
from opsctl.model.matcher import Matcher
from opsctl.model.series import Querier, is_stale
from opsctl.promql.number import go_float

_ANY_NAMES = "escaping=allow-utf-8"
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_METRIC_NOT, _LABEL_NOT = re.compile(r"^[0-9]|[^a-zA-Z0-9_:]"), re.compile(r"^[0-9]|[^a-zA-Z0-9_]")


def reads_any_name(accept: str) -> bool:
    """Whether a reader with this Accept header knows names of any characters."""
    return _ANY_NAMES in accept


def content_type(accept: str) -> str:
    """The text format for a reader with this Accept header."""
    escaping = "allow-utf-8" if reads_any_name(accept) else "underscores"
    return f"text/plain; version=0.0.4; charset=utf-8; escaping={escaping}"


@dataclass(frozen=True)
class Newest:
    """The newest sample of a series; time in ms since the epoch."""

    labels: Labels
    at_ms: int
    value: float


def newest(querier: Querier, sets: Sequence[Sequence[Matcher]], now_ms: int, lookback_ms: int) -> list[Newest]:
    """The newest sample of each chosen series within the look-back; none of a series that has ended. By name."""
    found: dict[Labels, Newest] = {}
    for matchers in sets:
        for series in querier.select(matchers, now_ms - lookback_ms, now_ms):
            if len(series.times) and series.labels.name and not is_stale(series.values[-1:])[0]:
                found[series.labels] = Newest(series.labels, int(series.times[-1]), float(series.values[-1]))
    return sorted(found.values(), key=lambda one: (one.labels.name, one.labels.pairs))


def page(samples: Sequence[Newest], external: Mapping[str, str]) -> str:
    """The page: untyped families; external labels where a series has none of that name, `instance` always."""
    outside = {"instance": "", **external}
    return "".join(_lines(samples, outside))


def classic(samples: Sequence[Newest]) -> list[Newest]:
    """The samples with underscores for what classic names may not hold, for a reader that knows no others."""
    return [replace(one, labels=_underscored(one.labels)) for one in samples]


def _underscored(labels: Labels) -> Labels:
    pairs = {_LABEL_NOT.sub("_", k): v for k, v in labels.pairs if k != METRIC_NAME}
    return Labels({**pairs, METRIC_NAME: _METRIC_NOT.sub("_", labels.name)})


def _lines(samples: Sequence[Newest], outside: Mapping[str, str]) -> Iterator[str]:
    before = ""
    for one in samples:
        name = one.labels.name
        if name != before:
            yield f"# TYPE {_name(name)} untyped\n"
            before = name
        yield f"{_identity(one.labels, outside)} {go_float(one.value or 0.0)} {one.at_ms}\n"


def _identity(labels: Labels, outside: Mapping[str, str]) -> str:
    """`name{own labels, then what is added}`; a name that is no classic one moves, quoted, into the braces."""
    own = [(k, v) for k, v in labels.pairs if k != METRIC_NAME]
    added = [(k, v) for k, v in sorted(outside.items()) if k not in labels]
    inner = [f"{k if _LABEL.fullmatch(k) else _quoted(k)}={_quoted(v)}" for k, v in own + added]
    if _METRIC.fullmatch(labels.name):
        return f"{labels.name}{{{','.join(inner)}}}"
    return f"{{{','.join([_quoted(labels.name), *inner])}}}"


def _name(name: str) -> str:
    return name if _METRIC.fullmatch(name) else _quoted(name)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    return f'"{escaped}"'
