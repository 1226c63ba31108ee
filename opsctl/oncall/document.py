"""oncall.yml as it is written: people, schedules, escalation policies, quiet hours."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from pydantic import Field

from opsctl.core.document import Duration, document
from opsctl.model.person import Person

Day = Literal[
    "workday", "holiday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"
]  # fmt: skip
"""`workday` and `holiday` as the State Council arranges them: a make-up Saturday is a workday."""


@document
class HoursOf:
    """On `days` (none: every day) from `from` up to `to`, HH:MM; over midnight when `to` is the earlier one."""

    days: tuple[Day, ...] = ()
    begin: Annotated[str, Field(alias="from")] = "00:00"
    end: Annotated[str, Field(alias="to")] = "24:00"


@document
class LayerOf:
    """Who takes turns: `people` in their order, a turn of `turn` days, handed over at `handover`.

    The first turn begins on `start`. `only`: outside these hours the layer has nobody, and the one above it is asked.
    """

    name: str = ""
    people: tuple[str, ...]
    start: str
    until: str = ""
    turn: str = "1w"
    handover: str = "09:00"
    only: tuple[HoursOf, ...] = ()


@document
class OverrideOf:
    """`person` has the duty from `from` to `to` (RFC 3339, without a zone: the schedule's), whoever's turn it is."""

    person: str
    begin: Annotated[str, Field(alias="from")]
    end: Annotated[str, Field(alias="to")]
    reason: str = ""


@document
class ScheduleOf:
    """A named duty. A later layer goes before an earlier one where both have somebody; overrides go before all."""

    name: str
    time_zone: str = "Asia/Shanghai"
    layers: tuple[LayerOf, ...] = ()
    overrides: tuple[OverrideOf, ...] = ()


@document
class StepOf:
    """Whom to notify, and how long to wait for an acknowledgement before the next step.

    `notify`: `schedule:NAME`, `next:NAME` (who has the duty after that), a person's id, or `everyone`.
    `via`: receivers of alertmanager.yml that carry the message; none: those of the `oncall_configs` entry.
    """

    notify: tuple[str, ...]
    wait: Duration = 300.0
    via: tuple[str, ...] = ()


@document
class PolicyOf:
    """A ladder: its steps in order, all of it `repeat` times more when nobody acknowledges."""

    name: str
    steps: tuple[StepOf, ...]
    repeat: int = 0


@document
class QuietOf:
    """In these hours messages of `severities` are kept, and sent together when the hours end."""

    severities: tuple[str, ...] = ("info", "warning")
    hours: tuple[HoursOf, ...]
    time_zone: str = "Asia/Shanghai"


@document
class OnCallOf:
    """All of oncall.yml. `ack_timeout` in seconds."""

    people: tuple[Person, ...] = ()
    ack_timeout: Duration = 3600.0
    schedules: tuple[ScheduleOf, ...] = ()
    policies: tuple[PolicyOf, ...] = ()
    quiet: tuple[QuietOf, ...] = field(default_factory=tuple)
