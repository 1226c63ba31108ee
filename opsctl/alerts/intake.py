"""Alerts as they are posted to API v2: defaults filled in, mistakes named one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opsctl.alerts.names import NameRule, any_name, check_names
from opsctl.alerts.store import Held
from opsctl.model.alert import Alert
from opsctl.model.labels import Labels


@dataclass(frozen=True)
class Posted:
    """One alert of a POST, its fields of the right types; a time that was not given is None."""

    labels: Labels
    annotations: Labels
    starts_at: float | None
    ends_at: float | None
    generator_url: str


def intake(
    posted: Sequence[Posted], now: float, resolve_timeout: float, names: NameRule = any_name
) -> tuple[list[Held], list[str]]:
    """The good alerts, and what is wrong with the others. Source: alertmanager api/v2 postAlertsHandler."""
    good, wrong = [], []
    for each in posted:
        try:
            good.append(_alert(each, now, resolve_timeout, names))
        except ValueError as error:
            wrong.append(str(error))
    return good, wrong


def _alert(made: Posted, now: float, resolve_timeout: float, names: NameRule) -> Held:
    starts, ends, timeout = made.starts_at, made.ends_at, made.ends_at is None
    if starts is None:
        starts = now if ends is None else ends
    if ends is None:
        ends = now + resolve_timeout
    if ends < starts:
        raise ValueError("start time must be before end time")
    if not len(made.labels):
        raise ValueError("at least one label pair required")
    check_names(made.labels, names, "invalid label set")
    check_names(made.annotations, names, "invalid annotations")
    return Held(
        Alert(
            labels=made.labels, annotations=made.annotations, starts_at=starts, ends_at=ends, updated_at=now,
            generator_url=made.generator_url,
        ),
        timeout,
    )  # fmt: skip
