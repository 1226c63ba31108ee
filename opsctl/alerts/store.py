"""The alerts that are known now, merged as they come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from opsctl.model.alert import Alert


@dataclass(frozen=True)
class Held:
    """An alert and whether its end is only our guess (posted without endsAt)."""

    alert: Alert
    timeout: bool = False


class AlertStore:
    """Fingerprint → alert, in memory. What is put here has been, or is being, written down."""

    def __init__(self, known: Iterable[Held] = ()) -> None:
        self._known = {h.alert.fingerprint: h for h in known}

    def __len__(self) -> int:
        return len(self._known)

    def get(self, fingerprint: str) -> Alert | None:
        held = self._known.get(fingerprint)
        return held.alert if held else None

    def all(self) -> tuple[Alert, ...]:
        return tuple(h.alert for h in self._known.values())

    def put(self, posted: Held) -> tuple[Held, Alert | None]:
        """Takes a posted alert; returns what is held now and what was before."""
        before = self._known.get(posted.alert.fingerprint)
        held = merge(before, posted) if before and _overlap(before.alert, posted.alert) else posted
        self._known[posted.alert.fingerprint] = held
        return held, before.alert if before else None

    def forget(self, alert: Alert) -> None:
        self._known.pop(alert.fingerprint, None)


def _overlap(old: Alert, new: Alert) -> bool:
    old_end, new_end = _end(old), _end(new)
    return old.starts_at < new_end < old_end or old.starts_at < new.starts_at < old_end


def merge(old: Held, new: Held) -> Held:
    """Earliest start, latest end; a guessed end gives way to a stated one. Source: alertmanager types.Alert.Merge."""
    if new.alert.updated_at < old.alert.updated_at:
        old, new = new, old
    starts_at, ends_at, now = min(old.alert.starts_at, new.alert.starts_at), new.alert.ends_at, new.alert.updated_at
    later = _end(old.alert) > _end(new.alert)
    if new.alert.resolved(now):
        if old.alert.resolved(now) and later:
            ends_at = old.alert.ends_at
    elif later and not old.timeout:
        ends_at = old.alert.ends_at
    return Held(replace(new.alert, starts_at=starts_at, ends_at=ends_at), new.timeout)


def _end(alert: Alert) -> float:
    return alert.ends_at if alert.ends_at is not None else float("inf")
