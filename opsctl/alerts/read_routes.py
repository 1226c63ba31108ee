"""The route tree of alertmanager.yml, every option filled in from its parents. Source: alertmanager config.Route."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from opsctl.alerts.document import RouteOf
from opsctl.alerts.notification_templates import Templates
from opsctl.alerts.read_matchers import MatcherReader
from opsctl.alerts.route import Route, matchers_text
from opsctl.core.document import Path_, Source, nearest
from opsctl.gotemplate import TemplateError


@dataclass(frozen=True)
class RouteReader:
    """Reads from one document; raises DocumentError."""

    source: Source
    matchers: MatcherReader
    receivers: Collection[str]
    intervals: Collection[str]
    templates: Templates

    def root(self, made: RouteOf) -> Route:
        """The whole tree. Its root takes every alert, always."""
        place: Path_ = ("route",)
        if not made.receiver:
            hint = nearest("", sorted(self.receivers))
            raise self.source.refuse((*place, "receiver"), "root route must specify a default receiver", hint)
        for key in ("match", "match_re", "matchers"):
            if getattr(made, key):
                raise self.source.refuse((*place, key), "root route must not have any matchers")
        for key in ("mute_time_intervals", "active_time_intervals"):
            if getattr(made, key):
                kind = key.replace("_", " ")
                raise self.source.refuse((*place, key), f"root route must not have any {kind}")
        if made.go_on:
            raise self.source.refuse((*place, "continue"), "cannot have continue in root route")
        return self._route(made, place, Route(key="", receiver=""))

    def _route(self, made: RouteOf, place: Path_, parent: Route) -> Route:
        matchers = self.matchers.read(place, "", made.match, made.match_re, made.matchers)
        self._check_names(made, place)
        self._check_labels(made, place)
        below = Route(
            key=f"{parent.key}/{matchers_text(matchers)}" if parent.key else matchers_text(matchers),
            receiver=made.receiver or parent.receiver,
            matchers=matchers,
            group_by=self._group_by(made, place, parent),
            group_by_all=parent.group_by_all if made.group_by is None else "..." in made.group_by,
            go_on=made.go_on,
            group_wait=parent.group_wait if made.group_wait is None else made.group_wait,
            group_interval=parent.group_interval if made.group_interval is None else made.group_interval,
            repeat_interval=parent.repeat_interval if made.repeat_interval is None else made.repeat_interval,
            mute=made.mute_time_intervals,
            active=made.active_time_intervals,
            labels=tuple(sorted({**dict(parent.labels), **made.labels}.items())),
        )
        children = (self._route(child, (*place, "routes", n), below) for n, child in enumerate(made.routes))
        return replace(below, routes=tuple(children))

    def _check_labels(self, made: RouteOf, place: Path_) -> None:
        for name, text in made.labels.items():
            try:
                self.templates.parse(text)
            except TemplateError as error:
                raise self.source.refuse((*place, "labels", name), error.message) from error
        self.matchers.labels((*place, "labels"), tuple(made.labels), "labels")

    def _group_by(self, made: RouteOf, place: Path_, parent: Route) -> tuple[str, ...]:
        if made.group_by is None:
            return parent.group_by
        where = (*place, "group_by")
        if "..." in made.group_by and set(made.group_by) != {"..."}:
            raise self.source.refuse(where, "cannot have wildcard group_by (`...`) and other labels: it stands alone")
        names = self.matchers.labels(where, made.group_by, "group_by")
        for n, name in enumerate(names):
            if name in names[:n] and name != "...":
                raise self.source.refuse((*where, n), f"duplicated label {name!r} in group_by")
        return tuple(name for name in names if name != "...")

    def _check_names(self, made: RouteOf, place: Path_) -> None:
        if made.receiver and made.receiver not in self.receivers:
            hint = nearest(made.receiver, sorted(self.receivers))
            raise self.source.refuse(
                (*place, "receiver"), f"undefined receiver used in route: no receiver named {made.receiver!r}", hint
            )
        for key in ("mute_time_intervals", "active_time_intervals"):
            for n, name in enumerate(getattr(made, key)):
                if name not in self.intervals:
                    hint = nearest(name, sorted(self.intervals))
                    message = f"undefined time interval used in route: no time interval named {name!r}"
                    raise self.source.refuse((*place, key, n), message, hint)
