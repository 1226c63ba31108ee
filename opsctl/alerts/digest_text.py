"""The text of a digest: every alert by name and instance, in as many pages as it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from opsctl.alerts import text
from opsctl.alerts.batch import Batch
from opsctl.model.alert import Alert

Measure = Callable[[str], int]
_ITEM_BYTES = 200
_HEAD_BYTES = 120


def pages(batch: Batch, limit: int, measure: Measure, newline: str = "\n") -> tuple[str, ...]:
    """Pages of at most `limit` by `measure`, each with a head that says which it is; depends on the batch alone, so
    that each try of a page has the same content."""
    made: list[str] = []
    page = ""
    for start, item in _items(batch):
        first = f"{newline if page else ''}{start}{item}"
        more = f"、{item}"
        same = page and _open_line(page, newline).startswith(start)
        added = more if same else first
        if page and measure(page + added) > limit - _HEAD_BYTES:
            made.append(page)
            page, added = "", f"{start}{item}"
        page += added
    made.append(page)
    heads = [_head(batch, n + 1, len(made)) for n in range(len(made))]
    return tuple(f"{head}{newline}{page}" for head, page in zip(heads, made, strict=True))


def _open_line(page: str, newline: str) -> str:
    return page.rpartition(newline)[2]


def _items(batch: Batch) -> Iterator[tuple[str, str]]:
    """(what a line begins with, one alert on it), the worst first, those of one name together."""
    lines: dict[str, list[str]] = {}
    for alert in (*text.worst_first(batch.firing), *text.worst_first(batch.resolved)):
        name = text.shorten(alert.name or "alert", _ITEM_BYTES)
        lines.setdefault(f"{_mark(alert)} **{name}**：", []).append(text.shorten(_which(alert), _ITEM_BYTES))
    for start, items in lines.items():
        for item in items:
            yield start, item


def _mark(alert: Alert) -> str:
    return text.mark(alert) if alert.ends_at is None else "✅ 恢复"


def _which(alert: Alert) -> str:
    return text.where(alert) or alert.labels.get("service", "") or alert.labels.get("job", "") or "-"


def _head(batch: Batch, number: int, count: int) -> str:
    counts = [f"{len(batch.firing)} 条触发"] if batch.firing else []
    if batch.resolved:
        counts.append(f"{len(batch.resolved)} 条恢复")
    page = f"（{number}/{count}）" if count > 1 else ""
    return f"📦 **告警汇总**{page} {'，'.join(counts)} / digest"
