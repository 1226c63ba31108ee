"""The escalation ladder: notify, wait, notify the next. Pure: what a step does is decided here, done elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

CLIMBING, ACKNOWLEDGED, RESOLVED, EXHAUSTED = "climbing", "acknowledged", "resolved", "exhausted"


@dataclass(frozen=True)
class Step:
    """Whom to notify through which receivers, and the seconds to wait for an acknowledgement."""

    notify: tuple[str, ...]
    wait: float
    via: tuple[str, ...] = ()


@dataclass(frozen=True)
class Policy:
    """The steps, gone through `repeat` times more when nobody acknowledges."""

    name: str
    steps: tuple[Step, ...]
    repeat: int = 0


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """One group of alerts on its way up one policy. `step` is the next to be taken, at `next_at`; `lap` counts from 0.

    A group has one ladder an integration. `fingerprints`: the alerts that fired when it was last told; `paged`: the
    integrations by which people have been told; `ended_why` says who or what ended it; `at`: when it last changed.
    """

    group_key: str
    integration: str
    policy: str
    began: float
    next_at: float
    fingerprints: tuple[str, ...] = ()
    paged: tuple[str, ...] = ()
    step: int = 0
    lap: int = 0
    status: str = CLIMBING
    ended_why: str = ""
    at: float = 0.0


class People(Protocol):
    """Who stands behind a word of `notify` at a moment."""

    def of(self, word: str, at: float) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Page:
    """Person `person` is to be told, through receivers `via`, because of step `step` of lap `lap`."""

    person: str
    via: tuple[str, ...]
    lap: int
    step: int


def climb(
    ladder: Ladder, policy: Policy, people: People, via: tuple[str, ...], now: float
) -> tuple[Ladder, list[Page]]:
    """Takes the step that is due: whom it pages, and the ladder after it. Nobody is paged twice in one step."""
    if ladder.status != CLIMBING or now < ladder.next_at:
        return ladder, []
    step = policy.steps[min(ladder.step, len(policy.steps) - 1)]
    wanted = dict.fromkeys(person for word in step.notify for person in people.of(word, now))
    pages = [Page(person, step.via or via, ladder.lap, ladder.step) for person in wanted]
    return _above(ladder, policy, now + step.wait), pages


def _above(ladder: Ladder, policy: Policy, next_at: float) -> Ladder:
    if ladder.step + 1 < len(policy.steps):
        return replace(ladder, step=ladder.step + 1, next_at=next_at)
    if ladder.lap < policy.repeat:
        return replace(ladder, step=0, lap=ladder.lap + 1, next_at=next_at)
    return replace(ladder, status=EXHAUSTED, ended_why="nobody acknowledged after the last step", next_at=next_at)


def told(
    ladder: Ladder | None, firing: Sequence[str], acked: Sequence[str], by: str, now: float
) -> tuple[str, Ladder | None]:
    """What becomes of a ladder when its group is flushed or acknowledged: (`start` | `keep` | `end`, the ladder).

    It ends when nothing fires, or when all that fires is acknowledged; it starts anew for an alert that nobody has
    taken on, and for one whose acknowledgement has run out.
    """
    open_ = [f for f in firing if f not in acked]
    if not firing:
        return _ended(ladder, RESOLVED, "nothing of it fires any more that is heard")
    if not open_:
        return _ended(ladder, ACKNOWLEDGED, f"acknowledged by {by}")
    if ladder is None or ladder.status in (RESOLVED, ACKNOWLEDGED):
        return "start", None
    if ladder.status == EXHAUSTED and set(open_) - set(ladder.fingerprints):
        return "start", None
    return "keep", replace(ladder, fingerprints=tuple(firing))


def _ended(ladder: Ladder | None, status: str, why: str) -> tuple[str, Ladder | None]:
    if ladder is None or ladder.status in (RESOLVED, ACKNOWLEDGED):
        return "keep", ladder
    return "end", replace(ladder, status=status, ended_why=why)
