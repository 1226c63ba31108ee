"""The route tree: which receiver hears of an alert, and how it is grouped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from opsctl.model.labels import Labels, quote
from opsctl.model.matcher import Matcher, matches_all


@dataclass(frozen=True, kw_only=True)
class Route:
    """One compiled node: every option filled in from its parents. Times in seconds; `labels`: name → template, for
    whoever is told."""

    key: str
    receiver: str
    matchers: tuple[Matcher, ...] = ()
    group_by: tuple[str, ...] = ()
    group_by_all: bool = False
    go_on: bool = False
    group_wait: float = 30.0
    group_interval: float = 300.0
    repeat_interval: float = 14_400.0
    mute: tuple[str, ...] = ()
    active: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    routes: tuple[Route, ...] = ()

    def match(self, labels: Labels) -> tuple[Route, ...]:
        """The nodes that take an alert, deepest first match per branch. Source: alertmanager dispatch.Route.Match."""
        if not matches_all(self.matchers, labels):
            return ()
        found: list[Route] = []
        for child in self.routes:
            below = child.match(labels)
            found += below
            if below and not child.go_on:
                break
        return tuple(found) or (self,)

    def group_labels(self, labels: Labels) -> Labels:
        """The labels by which this route groups an alert."""
        return labels if self.group_by_all else labels.only(self.group_by)

    def group_key(self, group: Labels) -> str:
        return f"{self.key}:{label_text(group)}"

    def walk(self) -> Iterator[Route]:
        yield self
        for child in self.routes:
            yield from child.walk()


def label_text(labels: Labels) -> str:
    """A label set as Go's model.LabelSet prints itself: `{a="b", c="d"}`."""
    return "{" + ", ".join(f"{k}={quote(v)}" for k, v in labels.pairs) + "}"


def matchers_text(matchers: tuple[Matcher, ...]) -> str:
    return "{" + ",".join(str(m) for m in matchers) + "}"
