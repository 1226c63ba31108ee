"""Silences: who muted which alerts, from when to when, and why. Never changed after their end, kept for a while."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from opsctl.core.errors import NotFound, UsageError
from opsctl.model.matcher import Matcher, Op, matches_all


@dataclass(frozen=True, kw_only=True)
class Silence:
    """Times in epoch seconds; active from `starts_at` up to `ends_at`."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: float
    ends_at: float
    updated_at: float
    created_by: str
    comment: str

    def state(self, now: float) -> str:
        """pending, active or expired."""
        if now < self.starts_at:
            return "pending"
        return "active" if now < self.ends_at else "expired"


class Silences:
    """All silences, in memory. Each change returns the silences to be written down."""

    def __init__(self, known: Iterable[Silence] = ()) -> None:
        self._known = {s.id: s for s in known}

    def get(self, wanted: str) -> Silence:
        """Raises NotFound."""
        if wanted not in self._known:
            raise NotFound(f"silence {wanted} not found")
        return self._known[wanted]

    def all(self) -> tuple[Silence, ...]:
        return tuple(self._known.values())

    def silenced_by(self, labels: Mapping[str, str], now: float) -> tuple[str, ...]:
        """Ids of the active silences that match a label set."""
        return tuple(
            sorted(s.id for s in self._known.values() if s.state(now) == "active" and matches_all(s.matchers, labels))
        )

    def set(self, silence: Silence, now: float) -> tuple[str, tuple[Silence, ...]]:
        """Adds a silence, or changes the one with its id: in place where nothing already past changes, else as a
        new one that replaces it. Returns the id in force and what to write. Raises NotFound, UsageError.
        """
        _validate(silence, now)
        changed: list[Silence] = []
        if silence.id:
            before = self.get(silence.id)
            if _can_update(before, silence, now):
                return self._put(replace(silence, updated_at=now), changed)
            if before.state(now) != "expired":
                changed.append(self._ended(before, now))
        made = replace(silence, id=str(uuid.uuid4()), starts_at=max(silence.starts_at, now), updated_at=now)
        return self._put(made, changed)

    def expire(self, wanted: str, now: float) -> tuple[Silence, ...]:
        """Ends a silence now; an already expired one stays as it is. Raises NotFound."""
        silence = self.get(wanted)
        return () if silence.state(now) == "expired" else (self._ended(silence, now),)

    def forget(self, before: float) -> tuple[str, ...]:
        """Drops the silences that ended before an instant; returns their ids."""
        gone = tuple(s.id for s in self._known.values() if s.ends_at < before)
        for each in gone:
            del self._known[each]
        return gone

    def _put(self, silence: Silence, changed: list[Silence]) -> tuple[str, tuple[Silence, ...]]:
        self._known[silence.id] = silence
        return silence.id, (*changed, silence)

    def _ended(self, silence: Silence, now: float) -> Silence:
        ended = replace(silence, starts_at=min(silence.starts_at, now), ends_at=now, updated_at=now)
        self._known[silence.id] = ended
        return ended


def _validate(silence: Silence, now: float) -> None:
    if not silence.matchers:
        raise UsageError("invalid silence: at least one matcher required")
    if all(m.matches("") for m in silence.matchers):
        raise UsageError("invalid silence: at least one matcher must not match the empty string")
    if silence.starts_at <= 0 or silence.ends_at <= 0:
        raise UsageError("invalid silence: startsAt and endsAt are required")
    if silence.ends_at <= silence.starts_at:
        raise UsageError("Failed to create silence: start time must be before end time")
    if silence.ends_at < now:
        raise UsageError("Failed to create silence: end time can't be in the past")


def _can_update(before: Silence, after: Silence, now: float) -> bool:
    """Source: alertmanager silence.canUpdate."""
    if before.matchers != after.matchers:
        return False
    state = before.state(now)
    if state == "active":
        return before.starts_at == after.starts_at and after.ends_at >= now
    return state == "pending" and after.starts_at >= now


def matcher_json(matcher: Matcher) -> dict[str, Any]:
    """A matcher in API v2's form."""
    return {
        "name": matcher.name, "value": matcher.value, "isRegex": matcher.op.endswith("~"),
        "isEqual": not matcher.op.startswith("!"),
    }  # fmt: skip


def matcher_of(data: Mapping[str, Any]) -> Matcher:
    """The reverse; a missing isEqual means true. Raises ValueError on a bad regular expression."""
    equal = data.get("isEqual") is not False
    op: Op = ("=~" if equal else "!~") if data.get("isRegex") else ("=" if equal else "!=")
    return Matcher(data["name"], op, data["value"])
