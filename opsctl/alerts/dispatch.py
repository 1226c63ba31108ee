"""Dispatch: alerts into groups, and when each group is flushed. Pure timing: the clock is in the flow."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

from opsctl.alerts.batch import Batch, sort_alerts
from opsctl.alerts.route import Route
from opsctl.model.alert import Alert
from opsctl.model.labels import Labels


@dataclass(frozen=True, slots=True)
class Still:
    """Why a group has nothing to say: what its integrations know (the very objects), and until when that holds."""

    until: float
    version: int
    known: tuple[tuple[tuple[str, str], object], ...]


@dataclass(eq=False, slots=True)
class Group:
    """Alerts of one route that share their group labels. `due`: when it is flushed next.

    `still`: up to when a flush has nothing new to say, as long as nobody `touches` the group.
    """

    route: Route
    labels: Labels
    key: str
    due: float
    alerts: dict[str, Alert] = field(default_factory=dict)
    still: Still | None = None

    def batch(self, now: float) -> Batch:
        """All alerts of the group as they stand at `now`; an alert that has not ended loses its future end."""
        standing = [a.standing(now) for a in self.alerts.values()]
        return Batch(
            receiver=self.route.receiver,
            group_key=self.key,
            group_labels=self.labels,
            alerts=sort_alerts(standing),
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
    """All groups of one route tree, and one heap of when they are due. No group is flushed before `start_at`."""

    def __init__(self, root: Route, start_at: float = 0.0) -> None:
        self.root, self._start_at = root, start_at
        # Two routes with the same matchers are two places, so groups are kept by route, then labels.
        self._groups: dict[int, dict[Labels, Group]] = {id(r): {} for r in root.walk()}
        self._heap: list[tuple[float, int, Group]] = []
        self._pushed = 0

    def __iter__(self) -> Iterator[Group]:
        return iter([g for groups in self._groups.values() for g in groups.values()])

    def __len__(self) -> int:
        return sum(len(groups) for groups in self._groups.values())

    def insert(self, alert: Alert, now: float, arrived: float | None = None) -> None:
        """Puts an alert into its groups. `arrived`: when it first came, for alerts of the last life.

        Source: alertmanager dispatch.Dispatcher.groupAlert: a group that begins with an alert older than group_wait is
        due at once; one that joins a waiting group waits with it.
        """
        came = now if arrived is None else arrived
        for route in self.root.match(alert.labels):
            labels = route.group_labels(alert.labels)
            group = self._groups[id(route)].get(labels)
            if group is None:
                old = alert.starts_at + route.group_wait < now
                due = max(now, now if old else came + route.group_wait, self._start_at)
                group = Group(route, labels, route.group_key(labels), due)
                self._groups[id(route)][labels] = group
                self._push(group)
            group.alerts[alert.fingerprint], group.still = alert, None

    def groups_of(self, alert: Alert) -> list[Group]:
        """The groups that an alert is in."""
        found = (self._groups[id(r)].get(r.group_labels(alert.labels)) for r in self.root.match(alert.labels))
        return [g for g in found if g is not None and alert.fingerprint in g.alerts]

    def next_due(self) -> float | None:
        """When the next group is due; None without groups."""
        while self._heap and not self._waits(*self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take_due(self, now: float, most: int) -> list[Group]:
        """At most `most` groups that are due, the longest due first; each is due again after its group_interval."""
        found: list[Group] = []
        while len(found) < most and (at := self.next_due()) is not None and at <= now:
            group = heapq.heappop(self._heap)[2]
            group.due = now + group.route.group_interval
            self._push(group)
            found.append(group)
        return found

    def drop_empty(self, group: Group) -> None:
        """Forgets a group whose last alert has left it: the next one begins anew, with its group_wait."""
        if not group.alerts:
            self._groups[id(group.route)].pop(group.labels, None)
            group.due = float("inf")

    def firing_for(self, receiver: str, now: float) -> list[Alert]:
        """Alerts that fire now and are routed to a receiver (heartbeats go by it)."""
        return [a for g in self if g.route.receiver == receiver for a in g.alerts.values() if not a.resolved(now)]

    def _push(self, group: Group) -> None:
        self._pushed += 1
        heapq.heappush(self._heap, (group.due, self._pushed, group))

    @staticmethod
    def _waits(due: float, _: int, group: Group) -> bool:
        """Whether an entry still says when its group is due."""
        return due == group.due
