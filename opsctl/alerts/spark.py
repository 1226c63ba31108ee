"""A small chart in a line of text, from numbers that an alert carries."""

from __future__ import annotations

import math

from opsctl.model.alert import Alert

_BARS = "▁▂▃▄▅▆▇█"
_MOST = 32


def spark(values: list[float]) -> str:
    """One bar a value, from the least to the greatest; of many values the newest 32."""
    shown = [v for v in values if math.isfinite(v)][-_MOST:]
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    span = high - low
    if not math.isfinite(span) or span == 0:
        return _BARS[0 if low == 0 else 3] * len(shown)
    return "".join(_BARS[min(7, int((v - low) / span * 8))] for v in shown)


def figure(alert: Alert) -> str:
    """`0.93 ▁▂▅█` from the annotations `value` and `values` (numbers, apart by spaces or commas); '' without both."""
    value = alert.annotations.get("value", "").strip()[:40]
    chart = spark(_numbers(alert.annotations.get("values", "")[:2000]))
    return " ".join(part for part in (value, chart) if part)


def _numbers(text: str) -> list[float]:
    found = []
    for word in text.replace(",", " ").split():
        try:
            found.append(float(word))
        except ValueError:
            return []
    return found
