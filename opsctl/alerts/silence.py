"""Silences: who muted which alerts, from when to when, and why. Never changed after their end, kept for a while."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import re2

from opsctl.alerts.names import NameRule, any_name
from opsctl.core.errors import NotFound, UsageError
from opsctl.model.matcher import Matcher, Op, matches_all


@dataclass(frozen=True, kw_only=True)
class Silence:
    """Times in epoch seconds; active from `starts_at` up to `ends_at`. The record of an id with the latest
    `updated_at` counts, whoever wrote it.
    """

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: float
    ends_at: float
    updated_at: float
    created_by: str
    comment: str
    annotations: Mapping[str, str] = field(default_factory=dict)

    def state(self, now: float) -> str:
        """pending, active or expired."""
        if now < self.starts_at:
            return "pending"
        return "active" if now < self.ends_at else "expired"


@dataclass(frozen=True)
class SilenceRules:
    """What a new silence must keep to: names, and how many and how large (bytes) they may be; 0 is no limit."""

    names: NameRule = any_name
    most: int = 0
    largest: int = 0


class Silences:
    """All silences, in memory. Each change returns the silences to be written down."""

    def __init__(self, known: Iterable[Silence] = (), rules: SilenceRules | None = None) -> None:
        self._known = {s.id: s for s in known}
        self._rules = rules or SilenceRules()
        self._standing: tuple[Silence, ...] | None = None
        self.version = 0  # another after each change

    def get(self, wanted: str) -> Silence:
        """Raises NotFound."""
        if wanted not in self._known:
            raise NotFound("silence not found")
        return self._known[wanted]

    def all(self) -> tuple[Silence, ...]:
        return tuple(self._known.values())

    def silenced_by(self, labels: Mapping[str, str], now: float) -> tuple[str, ...]:
        """Ids of the active silences that match a label set."""
        if self._standing is None:
            self._standing = tuple(s for s in self._known.values() if s.ends_at > now)
        return tuple(
            sorted(s.id for s in self._standing if s.starts_at <= now < s.ends_at and matches_all(s.matchers, labels))
        )

    def set(self, silence: Silence, now: float) -> tuple[str, tuple[Silence, ...]]:
        """Adds a silence, or changes the one with its id: in place where nothing already past changes, else as a
        new one that replaces it. Returns the id in force and what to write. Raises NotFound, UsageError.
        """
        silence = replace(silence, starts_at=silence.starts_at or now)
        self._check(silence)
        before = self.get(silence.id) if silence.id else None
        if before is not None and _can_update(before, silence, now):
            return silence.id, self._put(replace(silence, updated_at=now))
        if 0 < self._rules.most < len(self._known) + 1:
            raise UsageError(f"exceeded maximum number of silences: {len(self._known)} (limit: {self._rules.most})")
        ended = () if before is None else self.expire(before.id, now)
        made = replace(silence, id=str(uuid.uuid4()), starts_at=max(silence.starts_at, now), updated_at=now)
        return made.id, (*ended, *self._put(made))

    def expire(self, wanted: str, now: float) -> tuple[Silence, ...]:
        """Ends a silence now; an already expired one stays as it is. Raises NotFound."""
        silence = self.get(wanted)
        if silence.state(now) == "expired":
            return ()
        return self._put(replace(silence, starts_at=min(silence.starts_at, now), ends_at=now, updated_at=now))

    def merge(self, other: Silence) -> tuple[Silence, ...]:
        """Takes a record of another member if it is newer than ours; returns what to write."""
        known = self._known.get(other.id)
        return () if known is not None and known.updated_at >= other.updated_at else self._put(other)

    def forget(self, before: float) -> tuple[str, ...]:
        """Drops the silences that ended before an instant; returns their ids."""
        gone = tuple(s.id for s in self._known.values() if s.ends_at < before)
        for each in gone:
            del self._known[each]
        self._changed()
        return gone

    def _put(self, silence: Silence) -> tuple[Silence, ...]:
        self._known[silence.id] = silence
        self._changed()
        return (silence,)

    def _changed(self) -> None:
        self._standing = None
        self.version += 1

    def _check(self, silence: Silence) -> None:
        for number, matcher in enumerate(silence.matchers):
            if not self._rules.names(matcher.name):
                name = json.dumps(matcher.name, ensure_ascii=False)
                raise UsageError(f"invalid silence: invalid label matcher {number} in set 0: invalid label name {name}")
        if not silence.matchers:
            raise UsageError("invalid silence: at least one matcher required")
        if all(_matches_empty(m) for m in silence.matchers):
            raise UsageError("invalid silence: matcher set 0: at least one matcher must not match the empty string")
        if silence.ends_at < silence.starts_at:
            raise UsageError("invalid silence: end time must not be before start time")
        size = _size(silence)
        if 0 < self._rules.largest < size:
            raise UsageError(f"silence exceeded maximum size: {size} bytes (limit: {self._rules.largest} bytes)")


def _matches_empty(matcher: Matcher) -> bool:
    """Negative matchers never count as such, and the pattern need not fit the whole. Source: silence.matchesEmpty."""
    if matcher.op == "=":
        return matcher.value == ""
    return matcher.op == "=~" and re2.search(matcher.value, "") is not None


def _size(silence: Silence) -> int:
    """About the bytes that Alertmanager would store: 60 for id, times and framing, and the texts."""
    texts = [silence.created_by, silence.comment, *silence.annotations, *silence.annotations.values()]
    texts += [t for m in silence.matchers for t in (m.name, m.value)]
    return 60 + 6 * len(silence.matchers) + sum(len(t.encode()) + 2 for t in texts)


def _can_update(before: Silence, after: Silence, now: float) -> bool:
    """Source: alertmanager silence.canUpdate; starts are the same when they are within one second."""
    if before.matchers != after.matchers:
        return False
    state = before.state(now)
    if state == "active":
        return int(before.starts_at) == int(after.starts_at) and after.ends_at >= now
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
