"""What has left its groups: resolved alerts that were told and must not be told again after a restart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from opsctl.alerts.dispatch import Group
from opsctl.alerts.route import Route
from opsctl.model.alert import Alert

_Place = tuple[str, str]
"""(group key, receiver)."""


class Settled:
    """Fingerprint → when the alert ended, by the group that it has left."""

    def __init__(self, known: Mapping[tuple[str, str, str], float]) -> None:
        self._known: dict[str, dict[_Place, float]] = {}
        for (key, receiver, fingerprint), ends_at in known.items():
            self._known.setdefault(fingerprint, {})[key, receiver] = ends_at

    def all(self, alert: Alert, root: Route) -> bool:
        """Whether all groups of an alert have already been told that this very alert is over."""
        places = self._known.get(alert.fingerprint) if self._known else None
        if not places or alert.ends_at is None:
            return False
        return all(
            places.get((r.group_key(r.group_labels(alert.labels)), r.receiver)) == alert.ends_at
            for r in root.match(alert.labels)
        )

    def add(self, group: Group, gone: Iterable[Alert]) -> None:
        for alert in gone:
            self._known.setdefault(alert.fingerprint, {})[group.key, group.route.receiver] = alert.ends_at or 0.0

    def forget(self, alerts: Iterable[Alert]) -> None:
        for alert in alerts:
            self._known.pop(alert.fingerprint, None)
