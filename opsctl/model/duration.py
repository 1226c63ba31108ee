"""Durations as Prometheus writes them: `5m`, `1h30m`, `1.5` is not one. In seconds."""

from __future__ import annotations

import re

_UNITS = (("y", 31_536_000.0), ("w", 604_800.0), ("d", 86_400.0), ("h", 3600.0), ("m", 60.0), ("s", 1.0), ("ms", 0.001))
_PATTERN = re.compile("".join(f"(?:([0-9]{{1,18}}){unit})?" for unit, _ in _UNITS))
_LONGEST = 2**63 / 1e9


def parse_duration(text: str) -> float:
    """Seconds of a Prometheus duration (`1h30m`, `0`). Raises ValueError.

    Source: prometheus/common model.ParseDuration.
    """
    if text == "0":
        return 0.0
    match = _PATTERN.fullmatch(text)
    if not text or match is None:
        raise ValueError(f"not a valid duration string: {text!r} (write e.g. 30s, 5m, 1h30m)")
    parts = zip(match.groups(), _UNITS, strict=True)
    seconds = sum(int(number) * unit for number, (_, unit) in parts if number)
    if seconds >= _LONGEST:
        raise ValueError(f"duration out of range: {text!r} (at most 292y)")
    return seconds


def format_duration(seconds: float) -> str:
    """Writes seconds as Prometheus does: 5400 → `1h30m`; years, weeks only if exact."""
    left = round(seconds * 1000)
    if left == 0:
        return "0s"
    parts = []
    for name, unit in _UNITS:
        count, rest = divmod(left, round(unit * 1000))
        if count and not (name in ("y", "w") and rest):
            parts.append(f"{count}{name}")
            left = rest
    return "".join(parts)


def human_duration(seconds: float) -> str:
    """A duration for a person: 0.4 → `0.4s`, 75 → `1m15s`, 93784 → `1d2h`."""
    if seconds < 60:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    for (name, size), (smaller, unit) in ((("d", 86400), ("h", 3600)), (("h", 3600), ("m", 60)), (("m", 60), ("s", 1))):
        if whole >= size:
            head, rest = divmod(whole, size)
            tail = rest // unit
            return f"{head}{name}{tail}{smaller}" if tail else f"{head}{name}"
    return f"{whole}s"
