"""Silencing from a message: one hour, exactly what the message was about, once a message."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from opsctl.alerts.silence import Silence
from opsctl.core.errors import Conflict
from opsctl.flows.acknowledging import Opened
from opsctl.flows.alerting import Alerting
from opsctl.model.alert import Alert
from opsctl.model.matcher import Matcher, matches_all

SECONDS = 3600.0
Matchers = tuple[Matcher, ...]


@dataclass(frozen=True)
class Plan:
    """What a silence link would do, or has done. `given`: the silences that it made already."""

    matchers: tuple[Matchers, ...]
    hides: tuple[Alert, ...]
    given: tuple[Silence, ...]


class LinkSilencing:
    """The silences of silence links."""

    def __init__(self, alerting: Alerting) -> None:
        self._alerting = alerting

    def plan(self, opened: Opened, now: float) -> Plan:
        """What would be silenced, and which firing alerts that hides. Raises Conflict for a digest of many groups."""
        if opened.batch.digest:
            raise Conflict("汇总消息不能一次静默 / a digest is not silenced at once", "打开详情，逐条处理")
        wanted = silence_matchers([s.alert for s in opened.seen if s.firing])
        firing = (a for a in self._alerting.alerts.all() if not a.resolved(now))
        hides = tuple(a for a in firing if any(matches_all(m, a.labels) for m in wanted))
        comment = _comment(opened)
        given = tuple(s for s in self._alerting.silences.all() if s.comment == comment)
        return Plan(wanted, hides, given)

    def give(self, opened: Opened, who: str, now: float) -> asyncio.Future[None] | None:
        """Silences for an hour; the future is done when that is durable. None when the link was used before, or
        nothing fires any more. On the loop, so that two taps at once make one silence.
        """
        plan = self.plan(opened, now)
        if plan.given or not plan.matchers:
            return None
        made: list[Silence] = []
        for matchers in plan.matchers:
            wanted = Silence(
                id="", matchers=matchers, starts_at=now, ends_at=now + SECONDS, updated_at=now, created_by=who,
                comment=_comment(opened),
            )  # fmt: skip
            made += self._alerting.silences.set(wanted, now)[1]
        return self._alerting.keep_silences(made)


def silence_matchers(alerts: Iterable[Alert]) -> tuple[Matchers, ...]:
    """One set of matchers for each name among the alerts: the labels that all of that name share. Nothing wider than
    what was told, apart from instances that join the same alert within the hour.
    """
    named: dict[str, list[Alert]] = {}
    for alert in alerts:
        named.setdefault(alert.name, []).append(alert)
    return tuple(_shared(each) for each in named.values())


def _shared(alerts: list[Alert]) -> Matchers:
    first, *rest = alerts
    same = ((k, v) for k, v in first.labels.items() if v and all(a.labels.get(k) == v for a in rest))
    return tuple(Matcher(k, "=", v) for k, v in sorted(same))


def _comment(opened: Opened) -> str:
    return f"消息 #{opened.delivery} 的静默链接 / by the silence link of message #{opened.delivery}"
