"""Dispatch: alerts into groups, and when each group is flushed. Pure timing: the clock is in the flow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from opsctl.alerts.batch import Batch, sort_alerts
from opsctl.alerts.route import Route
from opsctl.model.alert import Alert
from opsctl.model.labels import Labels


@dataclass(eq=False)
class Group:
    """Alerts of one route that share their group labels. `due`: when it is flushed next."""

    route: Route
    labels: Labels
    key: str
    due: float
    flushed: bool = False
    muted_by: tuple[str, ...] = ()
    alerts: dict[str, Alert] = field(default_factory=dict)

    def batch(self, now: float) -> Batch:
        """All alerts of the group as they stand at `now`; an alert that has not ended loses its future end."""
        standing = (a if a.resolved(now) else replace(a, ends_at=None) for a in self.alerts.values())
        return Batch(
            receiver=self.route.receiver,
            group_key=self.key,
            group_labels=self.labels,
            alerts=sort_alerts(tuple(standing)),
            now=now,
            route_labels=self.route.labels,
        )

    def settle(self, batch: Batch) -> tuple[Alert, ...]:
        """Drops the resolved alerts of a flushed batch, unless they have changed since; returns them."""
        gone = tuple(a for a in batch.resolved if self.alerts.get(a.fingerprint) == a)
        for alert in gone:
            del self.alerts[alert.fingerprint]
        return gone


class Dispatcher:
    """All groups of one route tree."""

    def __init__(self, root: Route) -> None:
        self.root = root
        self._groups: dict[str, Group] = {}

    def __iter__(self) -> Iterator[Group]:
        return iter(tuple(self._groups.values()))

    def __len__(self) -> int:
        return len(self._groups)

    def insert(self, alert: Alert, now: float, arrived: float | None = None) -> list[Group]:
        """Puts an alert into its groups; returns those whose `due` is new and must be waited for anew.
        `arrived`: when it first came, for alerts of the last life.

        Source: alertmanager dispatch.aggrGroup.insert: a group that was never flushed is due at once for an alert
        that is older than group_wait.
        """
        timed, came = [], now if arrived is None else arrived
        for route in self.root.match(alert.labels):
            labels = route.group_labels(alert.labels)
            key = route.group_key(labels)
            # Two routes with the same matchers and different receivers are two groups.
            place = f"{id(route)}|{key}"
            group = self._groups.get(place)
            if group is None:
                group = self._groups[place] = Group(route, labels, key, max(now, came + route.group_wait))
                timed.append(group)
            group.alerts[alert.fingerprint] = alert
            if not group.flushed and alert.starts_at + route.group_wait < now and group.due > now:
                group.due = now
                timed.append(group)
        return timed

    def groups_of(self, alert: Alert) -> list[Group]:
        """The groups that an alert is in."""
        found = (
            self._groups.get(f"{id(r)}|{r.group_key(r.group_labels(alert.labels))}")
            for r in self.root.match(alert.labels)
        )
        return [g for g in found if g is not None and alert.fingerprint in g.alerts]

    def sweep(self) -> list[Group]:
        """Drops the groups that have become empty; returns them."""
        gone = [(k, g) for k, g in self._groups.items() if not g.alerts]
        for key, _ in gone:
            del self._groups[key]
        return [g for _, g in gone]

    def firing_for(self, receiver: str, now: float) -> list[Alert]:
        """Alerts that fire now and are routed to a receiver (heartbeats go by it)."""
        groups = (g for g in self._groups.values() if g.route.receiver == receiver)
        return [a for g in groups for a in g.alerts.values() if not a.resolved(now)]
