"""Alerts as they are posted to API v2: defaults filled in, mistakes named one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from opsctl.alerts.store import Held
from opsctl.model.alert import Alert
from opsctl.model.labels import Labels


def intake(posted: Any, now: float, resolve_timeout: float) -> tuple[list[Held], list[str]]:
    """The good alerts of a POST body, and what is wrong with the others. Raises ValueError when it is no list.

    Source: alertmanager api/v2 postAlertsHandler.
    """
    if not isinstance(posted, list):
        raise ValueError("the body is a JSON list of alerts")
    good, wrong = [], []
    for each in posted:
        try:
            good.append(_alert(each, now, resolve_timeout))
        except ValueError as error:
            wrong.append(str(error))
    return good, wrong


def _alert(made: Any, now: float, resolve_timeout: float) -> Held:
    if not isinstance(made, dict):
        raise ValueError("an alert is a JSON object")
    labels = Labels(_strings(made.get("labels"), "labels", required=True))
    if not len(labels):
        raise ValueError("at least one label pair required")
    starts, ends = _time(made.get("startsAt"), "startsAt"), _time(made.get("endsAt"), "endsAt")
    if starts is None:
        starts = now if ends is None else min(ends, now)
    timeout = ends is None
    ends = now + resolve_timeout if ends is None else ends
    if ends < starts:
        raise ValueError("start time must be before end time")
    annotations = Labels(_strings(made.get("annotations") or {}, "annotations"))
    url = made.get("generatorURL") or ""
    if not isinstance(url, str):
        raise ValueError("generatorURL is a string")
    return Held(
        Alert(
            labels=labels, annotations=annotations, starts_at=starts, ends_at=ends, updated_at=now, generator_url=url
        ),
        timeout,
    )


def _strings(made: Any, name: str, required: bool = False) -> Mapping[str, str]:
    if not isinstance(made, dict) or (required and not made):
        raise ValueError(f"{name} is a JSON object of strings")
    for key, value in made.items():
        if not key or not isinstance(value, str):
            raise ValueError(f"{name}: {key!r} is not a name with a string value")
    return made


def _time(made: Any, name: str) -> float | None:
    """RFC 3339 as epoch seconds; None for a missing or Go's zero time."""
    if made is None or made == "" or (isinstance(made, str) and made.startswith("0001-01-01")):
        return None
    return parse_time(made, name)


def parse_time(made: Any, name: str) -> float:
    """RFC 3339 as epoch seconds. Raises ValueError."""
    try:
        at = datetime.fromisoformat(made)
        if at.tzinfo is None:
            raise ValueError
        return at.timestamp()
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} is not an RFC 3339 time: {made!r}") from error


def silence_times(made: Mapping[str, Any], names: Sequence[str]) -> list[float]:
    """The required times of a silence; Go's zero time counts as 0."""
    return [_time(made.get(name), name) or 0.0 for name in names]
