"""Explaining: the whole life of one alert, each turn with its time and reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from opsctl.alerts.delivery import FAILED, PENDING, SENT, SUPERSEDED, Delivery
from opsctl.alerts.dispatch import Group
from opsctl.alerts.history import History
from opsctl.alerts.life import Event, events_of
from opsctl.alerts.route import label_text
from opsctl.core.clock import iso
from opsctl.core.db import Database
from opsctl.core.errors import NotFound
from opsctl.flows.alerting import Alerting
from opsctl.oncall.acks import Acks
from opsctl.oncall.ladders import pages_about


class Explaining:
    """Brings together what each room has written down about an alert."""

    def __init__(self, alerting: Alerting, database: Database, history: History, acks: Acks) -> None:
        self._alerting, self._db, self._history, self._acks = alerting, database, history, acks

    def explain(self, fingerprint: str, now: float) -> dict[str, Any]:
        """Its labels, where it stands, and its life, oldest turn first. Not on the event loop. Raises NotFound."""
        alert = self._alerting.alerts.get(fingerprint)
        told = list(reversed(self._history.of_alert(fingerprint, 200)))
        events = sorted(self._events(fingerprint, told), key=lambda e: e.at)
        if alert is None and not events:
            raise NotFound(f"nothing is known of alert {fingerprint}", "opsctl alerts list --resolved")
        known = alert or next((a for d in reversed(told) for a in d.batch.alerts if a.fingerprint == fingerprint), None)
        return {
            "fingerprint": fingerprint,
            "labels": dict(known.labels) if known else {},
            "annotations": dict(known.annotations) if known else {},
            "generatorURL": known.generator_url if known else "",
            "events": [e.json() for e in events],
            "groups": [self._group(g, now) for g in self._alerting.dispatcher.groups_of(alert)] if alert else [],
        }

    def _group(self, group: Group, now: float) -> dict[str, Any]:
        """Where it waits: when its group is looked at next, and what each integration knows of it."""
        knows = []
        for each in self._alerting.configuration.receivers[group.route.receiver]:
            entry = self._alerting.log.get((group.key, each.key), now)
            at = entry.at if entry is not None else None
            repeat = at + group.route.repeat_interval if at is not None else None
            knows.append({
                "integration": each.key, "toldAt": iso(at) if at else None, "repeatAfter": iso(repeat) if repeat else None,
            })  # fmt: skip
        return {
            "receiver": group.route.receiver, "route": [str(m) for m in group.route.matchers],
            "groupKey": group.key, "group": label_text(group.labels), "nextFlush": iso(group.due),
            "mutedBy": list(self._alerting.muted_by(group, now)), "integrations": knows,
        }  # fmt: skip

    def _events(self, fingerprint: str, told: list[Delivery]) -> Iterator[Event]:
        yield from events_of(self._db, fingerprint)
        for delivery in told:
            yield from _turns(fingerprint, delivery)
        for ack in self._acks.history(fingerprint):
            yield Event(fingerprint, ack["at"], "acknowledged", f"{ack['who']} ({ack['via']}) {ack['comment']}".strip())
            if ack["ended_at"] is not None:
                yield Event(fingerprint, ack["ended_at"], "acknowledgement ended", ack["ended_why"])
        groups = dict.fromkeys(d.batch.group_key for d in told)
        for page in pages_about(self._db, list(groups)):
            what = f"round {page['lap'] + 1}, step {page['step'] + 1}: "
            what += f"{page['person']} by {page['via']}" if page["person"] else ""
            yield Event(
                fingerprint, page["at"], "escalated", f"{what}{' ' if page['note'] else ''}{page['note']}".strip(),
                page["group_key"], page["integration"],
            )  # fmt: skip


def _turns(fingerprint: str, d: Delivery) -> Iterator[Event]:
    """What became of one message about it."""
    place = (d.batch.group_key, d.integration)
    state = "firing" if fingerprint in {a.fingerprint for a in d.batch.firing} else "resolved"
    yield Event(fingerprint, d.created_at, "queued", f"delivery {d.id} ({state}): {d.cause}", *place)
    end = d.sent_at if d.sent_at is not None else d.created_at
    tries = f" after {d.attempts} tries" if d.attempts > 1 else ""
    again = ", possibly repeated" if d.possibly_repeated else ""
    if d.status == SENT:
        yield Event(fingerprint, end, "sent", f"delivery {d.id}{tries}{again}", *place)
    elif d.status == FAILED:
        yield Event(fingerprint, end, "refused", f"delivery {d.id}{tries}: {d.reason}", *place)
    elif d.status == SUPERSEDED:
        yield Event(fingerprint, end, "joined", f"delivery {d.id}: {d.reason}", *place)
    elif d.status == PENDING and d.attempts:
        yield Event(fingerprint, end, "retried", f"delivery {d.id}{tries}: {d.reason}", *place)
