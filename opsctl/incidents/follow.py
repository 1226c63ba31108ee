"""What a poll changes: incidents open, grow, are acknowledged, close, open again. Pure.

An alert that comes back within REOPEN_SECONDS of an incident's end opens the same incident again:
a flapping alert, or an alerting process that lost its state, is one trouble and not many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from opsctl.incidents.incident import SEVERITIES, Incident, Member, Moment
from opsctl.incidents.seen import Seen, SeenAck, SeenAlert, SeenDelivery, SeenRun

REOPEN_SECONDS = 300.0
GRACE_SECONDS = 2.0
"""An alert not listed for this long has ended, at the moment it was first missing."""
AFTERMATH_SECONDS = 600.0
"""How long after its end a closed incident still takes messages and runbook events into its timeline."""

Entered = Mapping[int, Set[str]]


@dataclass(frozen=True)
class Change:
    """An incident as it is now, and what enters its timeline."""

    incident: Incident
    moments: tuple[Moment, ...]


def follow(
    known: Sequence[Incident], seen: Seen, group_by: Sequence[str], now: float, entered: Entered | None = None
) -> list[Change]:
    """The changes to known incidents (open ones, and those closed within AFTERMATH_SECONDS), and new ones.

    `entered`: the sources of the moments that stand in each incident's timeline already.
    """
    changes: dict[tuple[tuple[str, str], ...], Change] = {}
    for incident in sorted(known, key=lambda i: i.opened_at):
        changes[tuple(incident.key.items())] = Change(incident, ())
    for alert in sorted(seen.alerts, key=lambda a: (a.starts_at, a.fingerprint)):
        key = tuple((name, alert.labels.get(name, "")) for name in group_by)
        after = _fires(changes.get(key), dict(key), alert, now)
        if after is not None:
            changes[key] = after
    there = {a.fingerprint for a in seen.alerts}
    done = [_beside(_ends(change, there, now), seen) for change in changes.values()]
    new = [_without(change, (entered or {}).get(change.incident.id, frozenset())) for change in done]
    before = {i.id: i for i in known}
    return [c for c in new if c.moments or before.get(c.incident.id) != c.incident]


def _without(change: Change, entered: Set[str]) -> Change:
    return Change(change.incident, tuple(m for m in change.moments if m.source not in entered))


def _fires(change: Change | None, key: dict[str, str], alert: SeenAlert, now: float) -> Change | None:
    """An alert that is listed. One that is only for information, or is kept quiet, opens nothing."""
    if (change is None or not change.incident.open) and (alert.quiet or severity_of(alert) == "info"):
        return change
    if change is None or (change.incident.closed_at or now) < now - REOPEN_SECONDS:
        return _joined(Change(_opened(key, alert), ()), alert)
    if not change.incident.open:
        change = _reopened(change, alert, now)
    return _joined(change, alert)


def _opened(key: dict[str, str], alert: SeenAlert) -> Incident:
    title = alert.annotations.get("summary") or alert.labels.get("alertname", "")
    runbook = alert.annotations.get("runbook", "")
    return Incident(id=0, key=key, title=title, severity=severity_of(alert), opened_at=alert.starts_at, runbook=runbook)


def _reopened(change: Change, alert: SeenAlert, now: float) -> Change:
    incident = replace(change.incident, closed_at=None, reopened=change.incident.reopened + 1)
    at = max(alert.starts_at, change.incident.closed_at or now)
    moment = Moment(
        source=f"reopened:{incident.reopened}", at=at, kind="reopened", zh="事件重新打开", en="opened again"
    )
    return Change(incident, (*change.moments, moment))


def _joined(change: Change, alert: SeenAlert) -> Change:
    """The incident with this alert firing in it."""
    incident = change.incident
    member = incident.member(alert.fingerprint)
    if member is not None and member.ended_at is None:
        if member.missing_since is None:
            return change
        return Change(incident.with_member(replace(member, missing_since=None)), change.moments)
    made = Member(
        fingerprint=alert.fingerprint, labels=dict(alert.labels), annotations=dict(alert.annotations), starts_at=alert.starts_at
    )  # fmt: skip
    worst = min(incident.severity, severity_of(alert), key=SEVERITIES.index)
    incident = replace(incident.with_member(made), severity=worst)
    name, summary = alert.labels.get("alertname", ""), alert.annotations.get("summary", "")
    moment = Moment(
        source=f"fired:{alert.fingerprint}:{alert.starts_at:.3f}", at=alert.starts_at, kind="fired",
        zh=f"告警触发：{name}" + (f"，{summary}" if summary else ""), en="", data={"labels": dict(alert.labels)},
    )  # fmt: skip
    return Change(incident, (*change.moments, moment))


def _ends(change: Change, there: set[str], now: float) -> Change:
    """Alerts that are listed no more end after the grace; with the last of them the incident closes."""
    incident, moments = change.incident, list(change.moments)
    if not incident.open:
        return change
    for member in incident.members:
        if member.ended_at is not None or member.fingerprint in there:
            continue
        since = member.missing_since or now
        ended = since if now - since >= GRACE_SECONDS else None
        incident = incident.with_member(replace(member, missing_since=since, ended_at=ended))
        if ended is not None:
            name = member.labels.get("alertname", "")
            source = f"resolved:{member.fingerprint}:{ended:.3f}"
            moments.append(Moment(source=source, at=ended, kind="resolved", zh=f"告警解除：{name}", en=""))
    ends = [m.ended_at for m in incident.members if m.ended_at is not None]
    if ends and len(ends) == len(incident.members):
        incident = replace(incident, closed_at=max(ends))
        source = f"closed:{incident.reopened}"
        moments.append(Moment(source=source, at=max(ends), kind="closed", zh="事件关闭", en="closed"))
    return Change(incident, tuple(moments))


def _beside(change: Change, seen: Seen) -> Change:
    """Acknowledgements, deliveries and runbook events of the incident's alerts."""
    incident = change.incident
    prints = {m.fingerprint for m in incident.members}
    acks = sorted((a for a in seen.acks if a.fingerprint in prints), key=lambda a: a.at)
    if acks and incident.acked_at is None:
        incident = replace(incident, acked_at=acks[0].at, acked_by=acks[0].who)
    moments = [
        *(_acked(a) for a in acks),
        *(_delivered(d) for d in seen.deliveries if d.fingerprints & prints and d.at >= incident.opened_at - 1),
        *(_ran(r) for r in seen.runs if r.fingerprint in prints and r.worth_telling and r.at >= incident.opened_at - 1),
    ]
    return Change(incident, (*change.moments, *moments))


def _acked(ack: SeenAck) -> Moment:
    via = f"（{ack.via}）" if ack.via else ""
    comment = f"：{ack.comment}" if ack.comment else ""
    return Moment(
        source=f"ack:{ack.fingerprint}:{ack.at:.3f}", at=ack.at, kind="acknowledged", zh=f"{ack.who} 已认领{via}{comment}",
        en=f"acknowledged by {ack.who} via {ack.via}" if ack.via else f"acknowledged by {ack.who}",
        data={"who": ack.who, "via": ack.via},
    )  # fmt: skip


def _delivered(delivery: SeenDelivery) -> Moment:
    what = ("恢复消息", "resolve message") if delivery.state == "resolved" else ("告警消息", "message")
    place = delivery.integration or delivery.receiver
    data = {"delivery": delivery.id, "receiver": delivery.receiver, "integration": delivery.integration}
    if delivery.sent:
        zh, en = f"{what[0]}送达 {place}", f"{what[1]} delivered to {place}"
        return Moment(source=f"delivery:{delivery.id}", at=delivery.at, kind="delivered", zh=zh, en=en, data=data)
    zh, en = f"{what[0]}未能送达 {place}：{delivery.reason}", f"{what[1]} not delivered to {place}"
    return Moment(
        source=f"delivery:{delivery.id}:failed", at=delivery.at, kind="not delivered", zh=zh, en=en, data=data
    )


def _ran(event: SeenRun) -> Moment:
    dry = ("（预演）", " (dry run)") if event.dry_run else ("", "")
    return Moment(
        source=f"run:{event.id}", at=event.at, kind="runbook", zh=f"预案{dry[0]} {event.zh}", en=f"runbook{dry[1]}: {event.en}",
        data={"run": event.run, "runbook": event.runbook, "step": event.step, "dry_run": event.dry_run},
    )  # fmt: skip


def severity_of(alert: SeenAlert) -> str:
    """The alert's severity; one without a known one is a warning, so that it is not lost. `none` is info."""
    severity = alert.labels.get("severity", "warning")
    return severity if severity in SEVERITIES else "info" if severity == "none" else "warning"
