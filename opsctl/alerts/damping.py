"""Damping: an alert that keeps coming back is told as flapping once, then again when it has come to rest.

Kept in memory: after a restart a flapping alert is told a few times more, never less.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from opsctl.model.alert import Alert


@dataclass(frozen=True)
class Flapping:
    """Flapping is firing anew `times` within so many seconds; it is over when nothing has changed for `calm` seconds.

    `severities`: whose alerts are damped; `times` 0: nobody's.
    """

    times: int = 5
    within: float = 1800.0
    calm: float = 600.0
    severities: tuple[str, ...] = ("warning", "info")


class Damper:
    """Counts how often alerts come back, and remembers which groups have been told that they flap."""

    def __init__(self, rule: Flapping) -> None:
        self.rule = rule
        self._starts: dict[str, list[float]] = {}
        self._told: dict[tuple[str, str], float] = {}

    def see(self, alert: Alert, before: Alert | None, now: float) -> None:
        """An alert as it came, and as it was known before."""
        if before is None or not before.resolved(now) or alert.resolved(now) or not self._damps(alert):
            return
        known = [t for t in self._starts.get(alert.fingerprint, ()) if t > now - self.rule.within]
        self._starts[alert.fingerprint] = [*known[-self.rule.times :], now]

    def count(self, alert: Alert, now: float) -> int:
        """How often an alert that flaps has fired lately; 0 for one that does not."""
        again = sum(1 for t in self._starts.get(alert.fingerprint, ()) if t > now - self.rule.within)
        return again + 1 if 0 < self.rule.times <= again + 1 else 0

    def flapping(self, group: str, alerts: Iterable[Alert], now: float) -> tuple[tuple[str, int], ...]:
        """Of the firing alerts those whose flapping the group has not been told: (fingerprint, how often)."""
        if not self._starts:
            return ()
        found = ((a.fingerprint, self.count(a, now)) for a in alerts if (group, a.fingerprint) not in self._told)
        return tuple((f, n) for f, n in found if n)

    def announced(self, group: str, flapping: Iterable[tuple[str, int]], now: float) -> None:
        """The group has been told that these flap."""
        self._told.update({(group, f): now for f, _ in flapping})

    def held(self, group: str, alerts: Iterable[Alert], now: float, repeat: float) -> frozenset[str]:
        """Fingerprints that are kept back: known to flap, not at rest yet, and told less than `repeat` seconds ago."""
        return frozenset(a.fingerprint for a in alerts if self._told and self._held(group, a, now, repeat))

    def forget(self, fingerprints: Iterable[str]) -> None:
        """Drops what is known of alerts that are gone."""
        for fingerprint in fingerprints:
            self._starts.pop(fingerprint, None)

    def _held(self, group: str, alert: Alert, now: float, repeat: float) -> bool:
        place = (group, alert.fingerprint)
        told = self._told.get(place)
        if told is None:
            return False
        changed = max([told, *self._starts.get(alert.fingerprint, ())[-1:], alert.ends_at or 0.0])
        if now - changed >= self.rule.calm or now - told >= repeat:
            del self._told[place]
            return False
        return True

    def _damps(self, alert: Alert) -> bool:
        return self.rule.times > 0 and alert.labels.get("severity", "") in self.rule.severities
