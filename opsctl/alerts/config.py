"""Loads alertmanager.yml into one frozen Configuration, or names every mistake with its line."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlsplit

from opsctl.alerts.damping import Flapping
from opsctl.alerts.document import AlertmanagerOf, InhibitOf, RouteOf
from opsctl.alerts.documents.flapping import FlappingOf
from opsctl.alerts.inhibit import InhibitRule
from opsctl.alerts.matcher_text import parse_matchers
from opsctl.alerts.projection import standard
from opsctl.alerts.receiver import Integration
from opsctl.alerts.receivers import FAMILY
from opsctl.alerts.route import Route, matchers_text
from opsctl.alerts.windows import Window, parse_window
from opsctl.core.document import Path_, Source, convert, nearest, parse
from opsctl.core.errors import DocumentError, Problem
from opsctl.model.matcher import Matcher

_ELSEWHERE = (
    "email", "pagerduty", "slack", "opsgenie", "victorops", "wechat", "sns", "telegram", "webex", "msteams",
    "msteamsv2", "discord", "pushover", "jira", "rocketchat", "incidentio", "mattermost",
)  # fmt: skip
_LABEL = re.compile(r"^[^\x00]+$")


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """All that the pipeline goes by. `text` is the file as it was read, `standard` as Alertmanager's tools read it."""

    text: str
    standard: str
    resolve_timeout: float
    route: Route
    receivers: Mapping[str, tuple[Integration, ...]]
    inhibit_rules: tuple[InhibitRule, ...]
    intervals: Mapping[str, tuple[Window, ...]]
    flapping: Flapping

    @property
    def integrations(self) -> dict[str, Integration]:
        return {i.key: i for each in self.receivers.values() for i in each}


def load_configuration(path: Path, environment: Mapping[str, str] | None = None) -> Configuration:
    """Reads a file; `${NAME}` in url and *_file values comes from `environment`. Raises DocumentError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError([Problem(str(path), 0, "", f"cannot be read: {error}")]) from error
    source = parse(text, str(path))
    _refuse_foreign(source)
    filled = Source(source.file, _filled(source, dict(os.environ if environment is None else environment)), source.node)
    made = convert(filled, AlertmanagerOf)
    receivers = _receivers(filled, made, path.parent)
    intervals = _intervals(filled, made)
    return Configuration(
        text=text,
        standard=standard(source, text),
        resolve_timeout=made.settings.resolve_timeout,
        receivers=receivers,
        intervals=intervals,
        flapping=_flapping(filled, made.flapping),
        inhibit_rules=tuple(_inhibit(filled, rule, n) for n, rule in enumerate(made.inhibit_rules)),
        route=_root(filled, made.route, set(receivers), set(intervals)),
    )


def _refuse_foreign(source: Source) -> None:
    """Names what Alertmanager knows and we do not, instead of calling it unknown."""
    data = source.data if isinstance(source.data, dict) else {}
    problems = []
    ours = ", ".join(key for key, _ in FAMILY)
    receivers = data.get("receivers")
    for n, receiver in enumerate(receivers if isinstance(receivers, list) else []):
        for key in receiver if isinstance(receiver, dict) else ():
            if str(key).removesuffix("_configs") in _ELSEWHERE:
                problems.append(
                    source.problem(("receivers", n, key), "this receiver is not spoken here", f"use {ours}")
                )
    if data.get("templates"):
        problems.append(source.problem(("templates",), "notification templates are not read here", "remove the key"))
    if problems:
        raise DocumentError(problems)


def _filled(source: Source, names: dict[str, str], path: Path_ = ()) -> Any:
    """The data with `${NAME}` replaced in values of keys that are a url or a file."""
    data: Any = source.data
    for step in path:
        data = data[step]
    if isinstance(data, dict):
        return {k: _filled(source, names, (*path, k)) for k in data}
    if isinstance(data, list):
        return [_filled(source, names, (*path, n)) for n in range(len(data))]
    if isinstance(data, str) and "${" in data and path and str(path[-1]).endswith(("url", "_file")):
        try:
            return Template(data).substitute(names)
        except (KeyError, ValueError) as error:
            raise source.refuse(path, f"no environment variable {error}", "set it, or write the value out") from error
    return data


def _receivers(source: Source, made: AlertmanagerOf, folder: Path) -> dict[str, tuple[Integration, ...]]:
    found: dict[str, tuple[Integration, ...]] = {}
    for n, receiver in enumerate(made.receivers):
        if receiver.name in found or not receiver.name:
            raise source.refuse(("receivers", n, "name"), f"the receiver name {receiver.name!r} is empty or used twice")
        integrations = []
        for key, build in FAMILY:
            for index, each in enumerate(getattr(receiver, key)):
                place: Path_ = ("receivers", n, key, index)
                impl = build(each, Secrets(source, place, each, folder))
                integrations.append(Integration(receiver.name, index, impl, getattr(each, "standby", False)))
                if getattr(each, "api_url", None) is not None:
                    _check_url(source, (*place, "api_url"), each.api_url)
        found[receiver.name] = tuple(integrations)
        if integrations and all(i.standby for i in integrations):
            raise source.refuse(("receivers", n), "all its channels stand by: one of them has to send")
    return found


def _flapping(source: Source, made: FlappingOf) -> Flapping:
    if made.times < 0 or made.times == 1 or made.times > 100:
        raise source.refuse(("flapping", "times"), "must be 0 (damp nothing) or between 2 and 100")
    return Flapping(made.times, made.within, made.calm, made.severities)


@dataclass(frozen=True)
class Secrets:
    """The values of one entry that may stand in a file beside it. See receivers.Secret."""

    source: Source
    place: Path_
    made: Any
    folder: Path

    def __call__(self, field: str) -> str:
        value, file = getattr(self.made, field), getattr(self.made, f"{field}_file")
        if bool(value) == bool(file):
            problem = "both stand here" if value else "is required"
            raise self.refuse(field, f"{problem}: give {field} or {field}_file")
        if file:
            try:
                value = (self.folder / Path(file).expanduser()).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise self.refuse(f"{field}_file", f"cannot be read: {error}") from error
            if not value:
                raise self.refuse(f"{field}_file", f"{file} is empty")
        if field == "url":
            _check_url(self.source, (*self.place, f"{field}_file" if file else field), value)
        return str(value)

    def given(self, field: str) -> str:
        return self(field) if getattr(self.made, field) or getattr(self.made, f"{field}_file") else ""

    def inside(self, field: str, number: int) -> Secrets:
        entry = getattr(self.made, field)[number]
        return Secrets(self.source, (*self.place, field, number), entry, self.folder)

    def refuse(self, field: str, message: str) -> DocumentError:
        return self.source.refuse((*self.place, field), message)


def _check_url(source: Source, place: Path_, url: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        good = False
    if not good:
        raise source.refuse(place, f"not an http or https URL: {url!r}")


def _intervals(source: Source, made: AlertmanagerOf) -> dict[str, tuple[Window, ...]]:
    found: dict[str, tuple[Window, ...]] = {}
    for key in ("mute_time_intervals", "time_intervals"):
        for n, interval in enumerate(getattr(made, key)):
            if interval.name in found or not interval.name:
                raise source.refuse((key, n, "name"), f"the interval name {interval.name!r} is empty or used twice")
            windows = []
            for m, window in enumerate(interval.time_intervals):
                try:
                    windows.append(parse_window(window))
                except ValueError as error:
                    raise source.refuse((key, n, "time_intervals", m), str(error)) from error
            found[interval.name] = tuple(windows)
    return found


def _inhibit(source: Source, rule: InhibitOf, n: int) -> InhibitRule:
    place: Path_ = ("inhibit_rules", n)
    return InhibitRule(
        name=rule.name,
        source=_matchers(source, place, "source_", rule.source_match, rule.source_match_re, rule.source_matchers),
        target=_matchers(source, place, "target_", rule.target_match, rule.target_match_re, rule.target_matchers),
        equal=tuple(sorted(set(rule.equal))),
    )


def _matchers(
    source: Source,
    place: Path_,
    prefix: str,
    equal: Mapping[str, str],
    regex: Mapping[str, str],
    written: tuple[str, ...],
) -> tuple[Matcher, ...]:
    """All three ways to write matchers, sorted as Alertmanager sorts them."""
    found: list[Matcher] = [Matcher(k, "=", v) for k, v in equal.items()]
    for name, value in regex.items():
        try:
            found.append(Matcher(name, "=~", value))
        except ValueError as error:
            raise source.refuse((*place, f"{prefix}match_re", name), str(error)) from error
    for n, text in enumerate(written):
        try:
            found += parse_matchers(text)
        except ValueError as error:
            raise source.refuse((*place, f"{prefix}matchers", n), str(error)) from error
    return tuple(sorted(found, key=lambda m: (m.name, m.value, m.op)))


def _root(source: Source, made: RouteOf, receivers: set[str], intervals: set[str]) -> Route:
    place: Path_ = ("route",)
    if not made.receiver:
        raise source.refuse((*place, "receiver"), "the root route needs a receiver", nearest("", sorted(receivers)))
    for key in ("match", "match_re", "matchers"):
        if getattr(made, key):
            raise source.refuse((*place, key), "the root route takes every alert: no matchers here")
    for key in ("mute_time_intervals", "active_time_intervals"):
        if getattr(made, key):
            raise source.refuse((*place, key), "the root route is never muted")
    if made.go_on:
        raise source.refuse((*place, "continue"), "the root route has nowhere to continue to")
    return _route(source, made, place, Route(key="", receiver=""), receivers, intervals)


def _route(
    source: Source, made: RouteOf, place: Path_, parent: Route, receivers: set[str], intervals: set[str]
) -> Route:
    matchers = _matchers(source, place, "", made.match, made.match_re, made.matchers)
    _check_names(source, made, place, receivers, intervals)
    below = Route(
        key=f"{parent.key}/{matchers_text(matchers)}" if parent.key else matchers_text(matchers),
        receiver=made.receiver or parent.receiver,
        matchers=matchers,
        group_by=_group_by(source, made, place, parent),
        group_by_all=parent.group_by_all if made.group_by is None else "..." in made.group_by,
        go_on=made.go_on,
        group_wait=parent.group_wait if made.group_wait is None else made.group_wait,
        group_interval=parent.group_interval if made.group_interval is None else made.group_interval,
        repeat_interval=parent.repeat_interval if made.repeat_interval is None else made.repeat_interval,
        mute=made.mute_time_intervals,
        active=made.active_time_intervals,
    )
    children = tuple(
        _route(source, child, (*place, "routes", n), below, receivers, intervals) for n, child in enumerate(made.routes)
    )
    return replace(below, routes=children)


def _group_by(source: Source, made: RouteOf, place: Path_, parent: Route) -> tuple[str, ...]:
    if made.group_by is None:
        return parent.group_by
    if "..." in made.group_by and len(made.group_by) > 1:
        raise source.refuse((*place, "group_by"), "'...' groups by all labels and stands alone")
    for n, label in enumerate(made.group_by):
        if not _LABEL.match(label) or label in made.group_by[:n]:
            raise source.refuse((*place, "group_by", n), f"the label {label!r} is empty or stands here twice")
    return tuple(label for label in made.group_by if label != "...")


def _check_names(source: Source, made: RouteOf, place: Path_, receivers: set[str], intervals: set[str]) -> None:
    if made.receiver and made.receiver not in receivers:
        raise source.refuse(
            (*place, "receiver"), f"no receiver named {made.receiver!r}", nearest(made.receiver, sorted(receivers))
        )
    for key in ("mute_time_intervals", "active_time_intervals"):
        for n, name in enumerate(getattr(made, key)):
            if name not in intervals:
                raise source.refuse(
                    (*place, key, n), f"no time interval named {name!r}", nearest(name, sorted(intervals))
                )
