"""Loads alertmanager.yml into one frozen Configuration, or names every mistake with its line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from opsctl.alerts.damping import Flapping
from opsctl.alerts.document import AlertmanagerOf, InhibitOf
from opsctl.alerts.documents.flapping import FlappingOf
from opsctl.alerts.inhibit import InhibitRule
from opsctl.alerts.matcher_text import Mode
from opsctl.alerts.notification_templates import Templates, read_templates
from opsctl.alerts.projection import standard
from opsctl.alerts.read_matchers import MatcherReader
from opsctl.alerts.read_routes import RouteReader
from opsctl.alerts.read_source import prepared
from opsctl.alerts.receiver import Integration
from opsctl.alerts.receivers import FAMILY
from opsctl.alerts.route import Route
from opsctl.alerts.setting import Setting, url_problem
from opsctl.alerts.windows import Window, parse_window
from opsctl.core.document import Path_, Source, convert, parse
from opsctl.core.errors import DocumentError, Problem
from opsctl.model.labels import Labels

ELSEWHERE = (
    "pagerduty", "slack", "opsgenie", "victorops", "sns", "telegram", "webex", "msteams", "msteamsv2", "discord",
    "pushover", "jira", "rocketchat", "incidentio", "mattermost", "signl4", "jsmops", "jsm",
)  # fmt: skip
"""Alertmanager's receivers that are not spoken here."""
_PARTS = ("tracing", "event_recorder")


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """All that the pipeline goes by. `text` is the file as it was read, `standard` as Alertmanager's tools read it."""

    text: str
    standard: str
    resolve_timeout: float
    route: Route
    receivers: Mapping[str, tuple[Integration, ...]]
    receiver_labels: Mapping[str, Labels]
    inhibit_rules: tuple[InhibitRule, ...]
    intervals: Mapping[str, tuple[Window, ...]]
    templates: Templates
    flapping: Flapping

    @property
    def integrations(self) -> dict[str, Integration]:
        return {i.key: i for each in self.receivers.values() for i in each}


def load_configuration(
    path: Path, environment: Mapping[str, str] | None = None, mode: Mode = "fallback"
) -> Configuration:
    """Reads a file; `${NAME}` in url and *_file values comes from `environment`, `mode` says how matchers are read.

    Raises DocumentError.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError([Problem(str(path), 0, "", f"cannot be read: {error}")]) from error
    source = parse(text, str(path))
    _refuse_foreign(source)
    filled = prepared(source, os.environ if environment is None else environment)
    made = convert(filled, AlertmanagerOf)
    if made.route is None:
        raise filled.refuse(("route",), "no route provided in config")
    _check_global(filled, made)
    templates = read_templates(path.parent, made.templates, lambda n, why: filled.refuse(("templates", n), why))
    receivers = _receivers(filled, made, templates, path.parent)
    intervals = _intervals(filled, made)
    matchers = MatcherReader(filled, mode)
    return Configuration(
        text=text,
        standard=standard(source, text),
        resolve_timeout=made.settings.resolve_timeout,
        receivers=receivers,
        receiver_labels={r.name: Labels({**r.labels, "name": r.name}) for r in made.receivers},
        intervals=intervals,
        templates=templates,
        flapping=_flapping(filled, made.flapping),
        inhibit_rules=tuple(_inhibit(matchers, rule or InhibitOf(), n) for n, rule in enumerate(made.inhibit_rules)),
        route=RouteReader(filled, matchers, receivers, intervals, templates).root(made.route),
    )


def _refuse_foreign(source: Source) -> None:
    """Names what Alertmanager knows and we do not, instead of calling it unknown."""
    data = source.data if isinstance(source.data, dict) else {}
    ours = ", ".join(key for key, _ in FAMILY)
    receivers = data.get("receivers")
    problems = [
        source.problem(("receivers", n, key), "this receiver is not spoken here", f"use {ours}")
        for n, receiver in enumerate(receivers if isinstance(receivers, list) else [])
        for key in (receiver if isinstance(receiver, dict) else ())
        if str(key).removesuffix("_configs") in ELSEWHERE
    ]
    problems += [source.problem((key,), "is not done here", "remove it") for key in _PARTS if data.get(key)]
    if problems:
        raise DocumentError(problems)


def _check_global(source: Source, made: AlertmanagerOf) -> None:
    """What Alertmanager refuses in `global`, of its own receivers and of those that are not spoken here."""
    for key in vars(made.settings):
        value = getattr(made.settings, key)
        other = f"{key}_file"
        if value and getattr(made.settings, other, ""):
            raise source.refuse(("global", key), f"at most one of {key} & {other} must be configured")
        if value and key.endswith("_url") and url_problem(value):
            raise source.refuse(("global", key), url_problem(value))
    http = made.settings.http_config
    where, what = http.mistake() if http is not None else ((), "")
    if what:
        raise source.refuse(("global", "http_config", *where), what)


def _receivers(
    source: Source, made: AlertmanagerOf, templates: Templates, folder: Path
) -> dict[str, tuple[Integration, ...]]:
    found: dict[str, tuple[Integration, ...]] = {}
    for n, receiver in enumerate(made.receivers):
        if not receiver.name:
            raise source.refuse(("receivers", n), "missing name in receiver")
        if receiver.labels.get("name", receiver.name) != receiver.name:
            given = receiver.labels["name"]
            wrong = f'receiver label "name" must match receiver name "{receiver.name}", got "{given}"'
            raise source.refuse(("receivers", n, "labels", "name"), wrong)
        if receiver.name in found:
            raise source.refuse(("receivers", n, "name"), f"{receiver.name!r} is not unique: the name is used twice")
        integrations = []
        setting = partial(Setting, source, common=made.settings, templates=templates, folder=folder)
        for key, build in FAMILY:
            for index, each in enumerate(getattr(receiver, key)):
                here = setting(place=("receivers", n, key, index), made=each)
                integrations.append(
                    Integration(receiver.name, index, build(each, here), getattr(each, "standby", False))
                )
                if getattr(each, "api_url", ""):
                    here.check_url("api_url", each.api_url)
        found[receiver.name] = tuple(integrations)
        if integrations and all(i.standby for i in integrations):
            raise source.refuse(("receivers", n), "all its channels stand by: one of them has to send")
    return found


def _flapping(source: Source, made: FlappingOf) -> Flapping:
    if made.times < 0 or made.times == 1 or made.times > 100:
        raise source.refuse(("flapping", "times"), "must be 0 (damp nothing) or between 2 and 100")
    return Flapping(made.times, made.within, made.calm, made.severities)


def _intervals(source: Source, made: AlertmanagerOf) -> dict[str, tuple[Window, ...]]:
    found: dict[str, tuple[Window, ...]] = {}
    for key in ("mute_time_intervals", "time_intervals"):
        for n, interval in enumerate(getattr(made, key)):
            kind = key.replace("_", " ").removesuffix("s")
            if not interval.name:
                raise source.refuse((key, n), f"missing name in {kind}")
            if interval.name in found:
                raise source.refuse((key, n, "name"), f"{kind} {interval.name!r} is not unique: used twice")
            windows = []
            for m, window in enumerate(interval.time_intervals):
                try:
                    windows.append(parse_window(window))
                except ValueError as error:
                    raise source.refuse((key, n, "time_intervals", m), str(error)) from error
            found[interval.name] = tuple(windows)
    return found


def _inhibit(matchers: MatcherReader, rule: InhibitOf, n: int) -> InhibitRule:
    place: Path_ = ("inhibit_rules", n)
    return InhibitRule(
        name=rule.name,
        source=matchers.read(place, "source_", rule.source_match, rule.source_match_re, rule.source_matchers),
        target=matchers.read(place, "target_", rule.target_match, rule.target_match_re, rule.target_matchers),
        equal=tuple(sorted(set(matchers.labels((*place, "equal"), rule.equal, "equal")))),
    )
