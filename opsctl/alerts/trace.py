"""Follows an alert's labels through the route tree, and says at each node what was decided. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from opsctl.alerts.route import Route, label_text, matchers_text
from opsctl.model.labels import Labels
from opsctl.model.matcher import Matcher


@dataclass(frozen=True)
class Visit:
    """One node that was asked. `depth` 0 is the root; `takes`: its receiver hears of the alert."""

    depth: int
    route: Route
    matched: bool
    takes: bool
    reason: str

    def json(self, labels: Labels) -> dict[str, Any]:
        return {
            "depth": self.depth, "matchers": [str(m) for m in self.route.matchers], "receiver": self.route.receiver,
            "matched": self.matched, "takes": self.takes, "reason": self.reason, "continue": self.route.go_on,
            "group": label_text(self.route.group_labels(labels)) if self.takes else None,
            "groupWait": self.route.group_wait, "groupInterval": self.route.group_interval,
            "repeatInterval": self.route.repeat_interval, "mutedDuring": list(self.route.mute),
            "activeDuring": list(self.route.active),
        }  # fmt: skip


def trace(root: Route, labels: Labels) -> tuple[Visit, ...]:
    """Every node in the order in which it is asked."""
    return tuple(_visit(root, labels, 0))


def _visit(route: Route, labels: Labels, depth: int) -> Iterator[Visit]:
    missed = next((m for m in route.matchers if not m.matches(labels.get(m.name, ""))), None)
    if missed is not None:
        yield Visit(depth, route, False, False, _missed(missed, labels))
        return
    below: list[Visit] = []
    for child in route.routes:
        found = list(_visit(child, labels, depth + 1))
        below += found
        if found[0].matched and not child.go_on:
            break
    takes = not any(v.matched and v.depth == depth + 1 for v in below)
    yield Visit(depth, route, True, takes, _matched(route, below, depth))
    yield from below


def _missed(matcher: Matcher, labels: Labels) -> str:
    have = labels.get(matcher.name, "")
    return f"{matcher} does not hold: {matcher.name} is {have!r}" if have else f"{matcher} does not hold: no such label"


def _matched(route: Route, below: list[Visit], depth: int) -> str:
    own = "the root takes every alert" if depth == 0 else f"{matchers_text(route.matchers)} holds"
    children = [v for v in below if v.depth == depth + 1]
    if not children:
        return own
    if not any(v.matched for v in children):
        return f"{own}; none of its {len(children)} routes does, so it takes the alert itself"
    left = len(route.routes) - len(children)
    return f"{own}; a route below takes it" + (f", the {left} after that are not asked" if left else "")


def tree(route: Route) -> dict[str, Any]:
    """A route and all below it, as data."""
    return {
        "matchers": [str(m) for m in route.matchers], "receiver": route.receiver, "continue": route.go_on,
        "groupBy": ["..."] if route.group_by_all else list(route.group_by), "groupWait": route.group_wait,
        "groupInterval": route.group_interval, "repeatInterval": route.repeat_interval,
        "mutedDuring": list(route.mute), "activeDuring": list(route.active),
        "routes": [tree(child) for child in route.routes],
    }  # fmt: skip
