"""The text of a digest: every alert by name and instance, in as many pages as it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from opsctl.alerts import text
from opsctl.alerts.batch import Batch
from opsctl.model.alert import Alert

Measure = Callable[[str], int]
_ITEM_BYTES = 200
_HEAD_BYTES = 110


def pages(batch: Batch, limit: int, measure: Measure, newline: str = "\n") -> tuple[str, ...]:
    """Pages of at most `limit` by `measure`, each with a head that says which it is; depends on the batch alone, so
    that each try of a page has the same content."""
    made: list[str] = []
    page, used, line = "", 0, ""
    for start, item in _items(batch):
        added = f"、{item}" if page and line == start else f"{newline if page else ''}{start}{item}"
        if page and used + measure(added) > limit - _HEAD_BYTES:
            made.append(page)
            page, used, added = "", 0, f"{start}{item}"
        page, used, line = page + added, used + measure(added), start
    made.append(page)
    heads = [_head(batch, n + 1, len(made)) for n in range(len(made))]
    return tuple(f"{head}{newline}{page}" for head, page in zip(heads, made, strict=True))


def _items(batch: Batch) -> Iterator[tuple[str, str]]:
    """(what a line begins with, one alert on it), the worst first: those of one name on a line of their own, with the
    name once; those that are alone with theirs together.
    """
    alerts = (*text.worst_first(batch.firing), *text.worst_first(batch.resolved))
    counts = Counter((_mark(a), a.name) for a in alerts)
    lines: dict[str, list[str]] = {}
    for alert in alerts:
        name, which = text.shorten(alert.name or "alert", _ITEM_BYTES), text.shorten(_which(alert), _ITEM_BYTES)
        if counts[_mark(alert), alert.name] > 1:
            lines.setdefault(f"{_mark(alert)} **{name}**：", []).append(which or "-")
        else:
            lines.setdefault(f"{_mark(alert)} ", []).append(f"{name}@{which}" if which else name)
    for start, items in lines.items():
        for item in items:
            yield start, item


def _mark(alert: Alert) -> str:
    return text.mark(alert) if alert.ends_at is None else "✅ 恢复"


def _which(alert: Alert) -> str:
    return text.where(alert) or alert.labels.get("service", "") or alert.labels.get("job", "")


def _head(batch: Batch, number: int, count: int) -> str:
    counts = [f"{len(batch.firing)} 条触发"] if batch.firing else []
    if batch.resolved:
        counts.append(f"{len(batch.resolved)} 条恢复")
    page = f"（{number}/{count}）" if count > 1 else ""
    return f"📦 **告警汇总**{page} {'，'.join(counts)} / digest"
