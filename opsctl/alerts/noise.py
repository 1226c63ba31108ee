"""The noise report: which alerts woke somebody, which were taken on, which went by themselves. Pure.

An episode is one alert from its start to its end, as the delivery log has told it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any

from opsctl.alerts.delivery import SENT, Delivery
from opsctl.core.clock import SHANGHAI, iso
from opsctl.model.alert import Alert

SOON = 300.0
"""Acknowledged in so many seconds counts as soon."""
_NIGHT = (22, 8)
_OFTEN, _MOSTLY, _SELDOM, _SHORT = 5, 0.8, 0.2, 900.0


@dataclass(eq=False)
class Episode:
    """One alert, once. `told`: when messages about it firing were taken; `acked`: when somebody took it on."""

    name: str
    severity: str
    began: float
    ended: float | None = None
    told: list[float] = field(default_factory=list)
    acked: float | None = None

    @property
    def woke(self) -> bool:
        """Whether a message came at night, in Shanghai."""
        return any(_at_night(at) for at in self.told)

    @property
    def soon(self) -> bool:
        return self.acked is not None and bool(self.told) and self.acked - min(self.told) <= SOON


@dataclass(frozen=True, kw_only=True)
class Noise:
    """What one alert name did in the span. `alone`: episodes that ended without anybody; times in seconds."""

    name: str
    severity: str
    episodes: int
    messages: int
    woke: int
    acked: int
    soon: int
    alone: int
    median_seconds: float | None
    advice: str

    def json(self) -> dict[str, Any]:
        return {
            "alert": self.name, "severity": self.severity, "episodes": self.episodes, "messages": self.messages,
            "woke": self.woke, "acknowledged": self.acked, "acknowledgedSoon": self.soon, "resolvedAlone": self.alone,
            "medianSeconds": self.median_seconds, "advice": self.advice,
        }  # fmt: skip


@dataclass(frozen=True)
class Report:
    """The names of a span, the noisiest first. `oldest`: where the delivery log begins."""

    start: float
    end: float
    oldest: float | None
    rows: tuple[Noise, ...]

    def json(self) -> dict[str, Any]:
        total = {k: sum(r.json()[k] for r in self.rows) for k in _TOTALS}
        return {
            "from": iso(self.start), "to": iso(self.end), "logBegins": iso(self.oldest) if self.oldest else None,
            "total": total, "alerts": [r.json() for r in self.rows],
        }  # fmt: skip


_TOTALS = ("episodes", "messages", "woke", "acknowledged", "acknowledgedSoon", "resolvedAlone")


def report(
    deliveries: Iterable[Delivery], acks: Mapping[str, Sequence[float]], start: float, end: float, oldest: float | None
) -> Report:
    """`deliveries`: those of the span, oldest first, test messages left out; `acks`: fingerprint → times given."""
    episodes: dict[tuple[str, float], Episode] = {}
    messages: dict[str, int] = {}
    for delivery in deliveries:
        if delivery.batch.test:
            continue
        for name in {a.name for a in delivery.batch.alerts}:
            messages[name] = messages.get(name, 0) + (delivery.status == SENT)
        for alert in delivery.batch.alerts:
            _note(episodes, alert, delivery, acks.get(alert.fingerprint, ()))
    by_name: dict[str, list[Episode]] = {}
    for episode in episodes.values():
        by_name.setdefault(episode.name, []).append(episode)
    rows = [_row(name, found, messages.get(name, 0)) for name, found in by_name.items()]
    return Report(start, end, oldest, tuple(sorted(rows, key=lambda r: (-r.woke, -r.messages, -r.episodes, r.name))))


def _note(episodes: dict[tuple[str, float], Episode], alert: Alert, delivery: Delivery, given: Sequence[float]) -> None:
    key = (alert.fingerprint, alert.starts_at)
    episode = episodes.get(key)
    if episode is None:
        episode = episodes[key] = Episode(alert.name, alert.labels.get("severity", ""), alert.starts_at)
    if alert.ends_at is not None:
        episode.ended = alert.ends_at
    elif delivery.status == SENT and delivery.sent_at is not None:
        episode.told.append(delivery.sent_at)
    until = episode.ended if episode.ended is not None else float("inf")
    taken = [at for at in given if alert.starts_at <= at <= until]
    episode.acked = min(taken, default=None)


def _row(name: str, episodes: Sequence[Episode], messages: int) -> Noise:
    lengths = [e.ended - e.began for e in episodes if e.ended is not None]
    made = Noise(
        name=name, severity=next((e.severity for e in episodes if e.severity), ""), episodes=len(episodes),
        messages=messages, woke=sum(e.woke for e in episodes), acked=sum(e.acked is not None for e in episodes),
        soon=sum(e.soon for e in episodes),
        alone=sum(e.ended is not None and e.acked is None for e in episodes),
        median_seconds=round(median(lengths), 1) if lengths else None, advice="",
    )  # fmt: skip
    return Noise(**{**made.__dict__, "advice": _advice(made)})


def _advice(row: Noise) -> str:
    """What to change, in both languages; '' when nothing stands out."""
    if row.episodes >= _OFTEN and row.alone >= _MOSTLY * row.episodes and (row.median_seconds or 0) < _SHORT:
        minutes = max(1, round((row.median_seconds or 60) / 60))
        return f"多数自行恢复：把 for 加长到约 {minutes} 分钟 / most resolve alone: for about {minutes}m longer"
    if row.woke and row.severity not in ("critical", ""):
        return "夜里叫醒过人却不严重：放进静默时段 / woke somebody though not critical: quiet hours"
    if row.episodes >= _OFTEN and row.acked < _SELDOM * row.episodes:
        return "几乎无人认领：降级或删除 / hardly ever taken on: lower its severity, or delete it"
    if row.messages > 10 * row.episodes:
        return "重复太多：加长 repeat_interval / repeated too often: a longer repeat_interval"
    return ""


def _at_night(at: float) -> bool:
    hour = datetime.fromtimestamp(at, SHANGHAI).hour
    return hour >= _NIGHT[0] or hour < _NIGHT[1]
