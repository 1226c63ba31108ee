"""Dedup: whether a receiver already knows what a group has to tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from opsctl.alerts.batch import Batch


@dataclass(frozen=True)
class Entry:
    """What an integration was last told about a group, or is being told: fingerprints, and when (`inf`: not yet)."""

    firing: frozenset[str]
    resolved: frozenset[str]
    at: float


def entry_of(batch: Batch, at: float) -> Entry:
    return Entry(frozenset(a.fingerprint for a in batch.firing), frozenset(a.fingerprint for a in batch.resolved), at)


def needs_update(entry: Entry | None, batch: Batch, repeat_interval: float, send_resolved: bool) -> str:
    """Why a batch has to be told, or '' when it is known. Source: alertmanager notify.DedupStage.needsUpdate."""
    firing = {a.fingerprint for a in batch.alerts if a.ends_at is None}
    resolved = {a.fingerprint for a in batch.alerts if a.ends_at is not None}
    if entry is None:
        return "first" if firing else ""
    if not firing <= entry.firing:
        return "new alerts" if entry.firing else "first"  # all had been resolved
    if not firing:
        return "all resolved" if entry.firing else ""
    if send_resolved and not resolved <= entry.resolved:
        return "some resolved"
    return "repeat" if entry.at < batch.now - repeat_interval else ""


class NotificationLog:
    """Who was told what, by (group key, integration key); in memory, written down by whoever records."""

    def __init__(self, retention: float, known: Mapping[tuple[str, str], Entry] | None = None) -> None:
        self.retention = retention
        self._known = dict(known or {})

    def get(self, place: tuple[str, str], now: float) -> Entry | None:
        entry = self._known.get(place)
        return entry if entry is not None and entry.at > now - self.retention else None

    def record(self, place: tuple[str, str], entry: Entry) -> None:
        self._known[place] = entry

    def forget(self, now: float) -> None:
        self._known = {p: e for p, e in self._known.items() if e.at > now - self.retention}

    def all(self) -> tuple[tuple[tuple[str, str], Entry], ...]:
        return tuple(self._known.items())

    def __len__(self) -> int:
        return len(self._known)
