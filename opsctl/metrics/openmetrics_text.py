"""Series as OpenMetrics lines: `name{label="value"} value seconds`. Source: the OpenMetrics 1.0 specification."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from opsctl.metrics.openmetrics_families import COMPOUND, Family
from opsctl.model.labels import METRIC_NAME, Labels
from opsctl.model.series import Series, is_stale

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_PARTS = frozenset({"le", "quantile"})
_ORDER = ("_count", "_sum", "_created")
EOF_LINE = "# EOF\n"


def point_of(labels: Labels, family: Family) -> Labels:
    """The metric in the family that a series is a part of: buckets and quantiles of one histogram stay together."""
    if family.type not in COMPOUND:
        return labels
    return Labels({**labels.without(_PARTS), METRIC_NAME: family.name})


def text_of(series: Sequence[Series], family: Family) -> tuple[str, int, int]:
    """The lines of one metric of the family; samples written; staleness markers, which the format cannot say, left out."""
    rows: list[tuple[int, tuple[int, float], str]] = []
    stale = 0
    for one in series:
        gone = is_stale(one.values)
        kept = ~gone
        stale += int(gone.sum())
        times, values = (one.times[kept], one.values[kept]) if stale else (one.times, one.values)
        rank, key = _rank(one.labels, family), key_of(one.labels)
        stamps = _stamps(times.tobytes())
        lines = [f"{key} {v!r} {at}\n" for v, at in zip(values.tolist(), stamps, strict=True)]
        if len(series) == 1:
            return _go("".join(lines)), len(lines), stale
        rows += zip(times.tolist(), (rank,) * len(lines), lines, strict=True)
    rows.sort()
    return _go("".join(line for _, _, line in rows)), len(rows), stale


def key_of(labels: Labels) -> str:
    """A series as the format writes it; names beyond the classic letters are quoted, as Prometheus 3 does."""
    name = labels.name
    inner = [f'{_label(k)}="{_escaped(v)}"' for k, v in labels.pairs if k != METRIC_NAME]
    if not _NAME.fullmatch(name):
        return "{" + ",".join([f'"{_escaped(name)}"', *inner]) + "}"
    return f"{name}{{{','.join(inner)}}}" if inner else name


def _rank(labels: Labels, family: Family) -> tuple[int, float]:
    """Buckets and quantiles by their border, then count, sum and when it was created."""
    suffix = labels.name.removeprefix(family.name)
    if suffix in _ORDER:
        return 1 + _ORDER.index(suffix), 0.0
    try:
        return 0, float(labels.get("le") or labels.get("quantile") or 0)
    except ValueError:
        return 0, float("inf")


def _go(text: str) -> str:
    """Infinities and NaN as the format spells them; Python writes ` inf `, ` -inf `, ` nan `."""
    if " inf " in text or " -inf " in text or " nan " in text:
        text = _SPECIAL.sub(lambda m: _SPELLED[m[1]] + m[2], text)
    return text


_SPECIAL = re.compile(r"(?<= )(inf|-inf|nan)( [0-9.]+\n)")
_SPELLED = {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}


@lru_cache(maxsize=8)
def _stamps(times: bytes) -> Sequence[str]:
    """Times as seconds. Series of a target share them.

    Some readers cut the product of a double and 1000 off instead of rounding it (Prometheus' parser does): where that
    would lose a millisecond a fourth digit keeps it.
    """
    ms: NDArray[np.int64] = np.frombuffer(times, np.int64)
    lossy = ((ms / 1000.0) * 1000.0).astype(np.int64) != ms
    return [
        f"{at // 1000}.{at % 1000:03d}{'1' if bad else ''}" if at % 1000 else str(at // 1000)
        for at, bad in zip(ms.tolist(), lossy.tolist(), strict=True)
    ]


def _label(name: str) -> str:
    return name if _LABEL.fullmatch(name) else f'"{_escaped(name)}"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def grouped(series: Iterable[Series], family: Family) -> dict[Labels, list[Series]]:
    """The series by the metric that they are a part of."""
    found: dict[Labels, list[Series]] = {}
    for one in series:
        found.setdefault(point_of(one.labels, family), []).append(one)
    return found
