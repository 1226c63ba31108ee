"""Escalating: a group that goes to people climbs its policy until somebody acknowledges or the alerts are over.

Each step is written down in one transaction with the messages that it sends: a kill -9 repeats no step and skips none.
The loop looks at all ladders again and again, so none stops half way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from opsctl.alerts.batch import Batch, batch_json, batch_of
from opsctl.alerts.config import Configuration
from opsctl.alerts.figures import Figures
from opsctl.alerts.personal import pager, personal
from opsctl.alerts.receiver import Integration
from opsctl.alerts.receivers.oncall import OnCallReceiver
from opsctl.alerts.sender import Sender
from opsctl.alerts.writer import Statement
from opsctl.core.clock import Clock, iso
from opsctl.core.errors import OpsctlError, UsageError
from opsctl.core.log import Log
from opsctl.flows.standing import Standing
from opsctl.model.alert import Alert
from opsctl.oncall import ladders
from opsctl.oncall.ladder import CLIMBING, RESOLVED, Ladder, Page, Policy, Step, climb, told
from opsctl.oncall.ladders import Place
from opsctl.oncall.roster import OnCall

LOG = Log("opsctl.flows.escalating")
_LOOK_SECONDS = 0.5
_OVERDUE_SECONDS = 30.0
Write = Callable[[list[Statement]], None]


class Escalating:
    """All ladders. `roster` is oncall.yml in force with its overrides; `write` writes without waiting; `wait`: seconds
    that are left to members of a cluster that go before us. `changed` is told of every change of a ladder.
    """

    def __init__(
        self, known: Mapping[Place, tuple[Ladder, bytes]], roster: Callable[[], OnCall], standing: Standing,
        sender: Sender, write: Write, clock: Clock, figures: Figures, wait: Callable[[], float] = lambda: 0.0,
    ) -> None:  # fmt: skip
        self.changed: Callable[[Place, float, Any], None] = lambda *_: None
        self._wait, self._noticed = wait, dict[Place, tuple[str, float]]()
        self._ladders = {place: ladder for place, (ladder, _) in known.items()}
        self._batches = {place: batch_of(orjson.loads(data)) for place, (_, data) in known.items()}
        self._roster, self._standing, self._sender, self._write = roster, standing, sender, write
        self._clock, self._figures = clock, figures
        self._receivers: Mapping[str, tuple[Integration, ...]] = {}
        self._carriers: Mapping[str, Integration] = {}
        self._task: asyncio.Task[None] | None = None

    def configure(self, configuration: Configuration) -> dict[str, Integration]:
        """Takes a configuration; returns the integrations by which people are paged."""
        oncall, carriers = self._roster(), {}
        for name, integrations in configuration.receivers.items():
            found = [via for i in integrations if isinstance(i.impl, OnCallReceiver) for via in vias(oncall, i.impl)]
            carriers[name] = tuple(dict.fromkeys(found))
        self._receivers = configuration.receivers
        self._carriers = personal(configuration.receivers, carriers, oncall.people)
        return self._carriers

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="escalate")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def all(self) -> tuple[Ladder, ...]:
        return tuple(self._ladders.values())

    def shown(self) -> list[dict[str, Any]]:
        """Every ladder as the API shows it, those that climb first."""
        order = sorted(self.all(), key=lambda x: (x.status != CLIMBING, -x.at))
        return [
            {
                "groupKey": x.group_key, "receiver": x.integration.split("/oncall/")[0], "policy": x.policy,
                "status": x.status, "began": iso(x.began), "round": x.lap + 1, "nextStep": x.step + 1,
                "nextAt": iso(x.next_at) if x.status == CLIMBING else None, "why": x.ended_why,
                "alerts": sorted({a.name for a in self._batches[x.group_key, x.integration].alerts}),
                "paged": list(x.paged),
            }
            for x in order
        ]  # fmt: skip

    def overdue(self, now: float) -> int:
        """How many climbing ladders should have taken their step half a minute ago."""
        return sum(1 for x in self.all() if x.status == CLIMBING and x.next_at < now - _OVERDUE_SECONDS)

    def told(self, integration: Integration, batch: Batch) -> list[Statement]:
        """A group was flushed to an on-call receiver: its ladder starts, goes on, or ends. Returns what to write."""
        place = (batch.group_key, integration.key)
        self._batches[place] = batch
        return self._review(place, self._clock.now(), told_now=True)

    def merge(self, place: Place, data: Mapping[str, Any]) -> list[Statement]:
        """Takes a ladder as another member has left it; returns what to write."""
        ladder, batch = ladders.ladder_of(data["ladder"]), batch_of(data["batch"])
        self._ladders[place], self._batches[place] = ladder, batch
        self._noticed.pop(place, None)
        return [ladders.put(ladder, _dumped(batch))]

    def records(self) -> list[tuple[Place, float, Any]]:
        """(place, when it changed, its data for the others)."""
        return [(place, ladder.at, self._data(place, ladder)) for place, ladder in self._ladders.items()]

    def forget(self, before: float) -> list[Statement]:
        """Drops the ladders that were over before an instant."""
        gone = [p for p, x in self._ladders.items() if x.status == RESOLVED and x.at < before]
        for place in gone:
            self._drop(place)
        return [*(ladders.drop(place) for place in gone), ladders.prune(before)]

    # -- the loop
    async def _run(self) -> None:
        while True:
            await self._clock.sleep(_LOOK_SECONDS)
            for place in list(self._ladders):
                try:
                    statements = self._review(place, self._clock.now())
                    if statements:
                        self._write(statements)
                except Exception as error:  # one bad ladder must not stop the others; it is looked at again
                    self._figures.defects.labels("ladder").inc()
                    LOG.error("ladder.defect", error, group=place[0], integration=place[1])

    def _review(self, place: Place, now: float, told_now: bool = False) -> list[Statement]:
        """Acknowledged, over, begun anew, or a step further: what has become of one ladder."""
        ladder, integration = self._ladders.get(place), self._integration(place[1])
        if integration is None:
            return self._forget(place)
        if ladder is not None and ladder.status == RESOLVED and not told_now:
            return []
        audible = self._standing.audible(self._batches[place].alerts, now)
        acked = self._standing.acked(audible, now)
        firing = [a.fingerprint for a in audible]
        what, changed = told(ladder, firing, list(acked), "、".join(sorted(set(acked.values()))), now)
        if what == "keep":
            if changed is None:
                self._drop(place)
            elif changed.status == CLIMBING and now >= changed.next_at + self._wait():
                return self._climb(place, changed, integration, now)
            return []
        if not told_now and not self._is_ours(place, what, now):
            return []
        if what == "end" and changed is not None:
            return self._end(place, changed, now)
        began = Ladder(
            group_key=place[0], integration=place[1], policy=integration.policy or f"schedule:{integration.schedule}",
            began=now, next_at=now, fingerprints=tuple(firing),
        )  # fmt: skip
        return self._climb(place, began, integration, now)

    def _is_ours(self, place: Place, what: str, now: float) -> bool:
        """Whether those who go before us have had their time to do it."""
        seen = self._noticed.get(place)
        if seen is None or seen[0] != what:
            seen = self._noticed[place] = (what, now)
        if now < seen[1] + self._wait():
            return False
        del self._noticed[place]
        return True

    def _integration(self, key: str) -> OnCallReceiver | None:
        name = key.split("/oncall/")[0]
        found = next((i for i in self._receivers.get(name, ()) if i.key == key), None)
        return found.impl if found is not None and isinstance(found.impl, OnCallReceiver) else None

    def _climb(self, place: Place, ladder: Ladder, integration: OnCallReceiver, now: float) -> list[Statement]:
        oncall = self._roster()
        after, pages = climb(ladder, policy_of(oncall, integration), oncall, integration.via, now)
        batch = replace(self._batches[place], alerts=self._now(self._batches[place].alerts, now), now=now)
        sent, log, statements = list(ladder.paged), [], []
        for page in pages:
            for via in page.via:
                for delivery, note, written in self._page(place, page, via, batch, ladder):
                    log.append((page, via, delivery, note))
                    statements += written
                    if note:
                        LOG.warning("ladder.unreachable", group=place[0], person=page.person, via=via, reason=note)
                sent += [k for k in self._keys(place, page.person, via) if k not in sent]
        if not pages:
            nobody = Page("", (), ladder.lap, ladder.step)
            log.append((nobody, "", None, "nobody has the duty"))
            LOG.warning("ladder.nobody", group=place[0], policy=ladder.policy, step=ladder.step)
        after = replace(after, paged=tuple(sent))
        self._keep(place, after, batch, now)
        self._figures.steps.labels(ladder.policy).inc()
        LOG.info(
            "ladder.step", group=place[0], policy=ladder.policy, lap=ladder.lap, step=ladder.step, pages=len(pages)
        )
        return [
            *statements, ladders.put(self._ladders[place], _dumped(batch)), ladders.put_pages(after, log, now),
        ]  # fmt: skip

    def _keys(self, place: Place, person: str, via: str) -> list[str]:
        name = pager(place[1].split("/oncall/")[0], person, via)
        return [k for k, i in self._carriers.items() if i.receiver == name]

    def _page(
        self, place: Place, page: Page, via: str, batch: Batch, ladder: Ladder
    ) -> Iterable[tuple[int | None, str, list[Statement]]]:
        keys = self._keys(place, page.person, via)
        if not keys:
            yield None, f"{via} cannot reach {page.person}", []
        for key in keys:
            integration = self._carriers[key]
            own = replace(batch, receiver=integration.receiver)
            cause = f"{ladder.policy}: step {page.step + 1}" + (f", round {page.lap + 1}" if page.lap else "")
            delivery = self._sender.new(integration, own, cause, batch.now)
            yield delivery.id, "", self._sender.enqueue(delivery)

    def _end(self, place: Place, ended: Ladder, now: float) -> list[Statement]:
        """An acknowledged ladder is kept (the time may run out); one whose alerts are over tells so, and goes."""
        LOG.info("ladder.ended", group=place[0], policy=ended.policy, status=ended.status, why=ended.ended_why)
        note = Page("", (), ended.lap, ended.step)
        log = ladders.put_pages(ended, [(note, "", None, ended.ended_why)], now)
        batch = replace(self._batches[place], alerts=self._now(self._batches[place].alerts, now), now=now)
        self._keep(place, ended, batch, now)
        over = self._told_over(place, ended, batch) if ended.status == RESOLVED else []
        return [*over, ladders.put(self._ladders[place], _dumped(batch)), log]

    def _keep(self, place: Place, ladder: Ladder, batch: Batch, now: float) -> None:
        """What has changed counts from now on, here and with the others."""
        self._ladders[place], self._batches[place] = replace(ladder, at=now), batch
        self.changed(place, now, self._data(place, self._ladders[place]))

    def _data(self, place: Place, ladder: Ladder) -> Any:
        return {"ladder": ladders.ladder_json(ladder), "batch": batch_json(self._batches[place])}

    def _told_over(self, place: Place, ended: Ladder, batch: Batch) -> list[Statement]:
        integration = self._integration(place[1])
        if integration is None or not integration.send_resolved or batch.firing or not batch.alerts:
            return []
        found: list[Statement] = []
        for key in ended.paged:
            carrier = self._carriers.get(key)
            if carrier is not None:
                own = replace(batch, receiver=carrier.receiver)
                found += self._sender.enqueue(self._sender.new(carrier, own, "all resolved", batch.now))
        return found

    def _now(self, alerts: Iterable[Alert], now: float) -> tuple[Alert, ...]:
        return tuple(self._standing.live(a, now) for a in alerts)

    def _drop(self, place: Place) -> bool:
        self._batches.pop(place, None)
        self._noticed.pop(place, None)
        return self._ladders.pop(place, None) is not None

    def _forget(self, place: Place) -> list[Statement]:
        """Its receiver is no longer configured."""
        return [ladders.drop(place)] if self._drop(place) else []


def policy_of(oncall: OnCall, integration: OnCallReceiver) -> Policy:
    """The policy of an on-call receiver; a schedule alone is a ladder of one step. Raises UsageError."""
    if integration.schedule:
        return Policy(f"schedule:{integration.schedule}", (Step((f"schedule:{integration.schedule}",), 300.0),))
    found = oncall.policies.get(integration.policy)
    if found is None:
        raise UsageError(f"oncall.yml has no policy {integration.policy!r}")
    return found


def vias(oncall: OnCall, integration: OnCallReceiver) -> tuple[str, ...]:
    """All receivers that may carry its messages."""
    policy = oncall.policies.get(integration.policy)
    steps = policy.steps if policy is not None else ()
    return (*integration.via, *(via for step in steps for via in step.via))


def check(configuration: Configuration, oncall: OnCall) -> None:
    """That both documents fit each other. Raises OpsctlError naming the receiver."""
    for name, integrations in configuration.receivers.items():
        for each in integrations:
            if isinstance(each.impl, OnCallReceiver):
                _check(name, each.impl, oncall, set(configuration.receivers))


def _check(name: str, made: OnCallReceiver, oncall: OnCall, receivers: set[str]) -> None:
    known = oncall.schedules if made.schedule else oncall.policies
    wanted = made.schedule or made.policy
    if wanted not in known:
        kind = "schedule" if made.schedule else "policy"
        raise OpsctlError(
            f"receiver {name!r}: oncall.yml has no {kind} {wanted!r}", f"one of: {', '.join(known) or 'none'}"
        )
    for via in vias(oncall, made):
        if via not in receivers:
            raise OpsctlError(f"receiver {name!r}: via names no receiver {via!r}", f"one of: {', '.join(receivers)}")


def _dumped(batch: Batch) -> bytes:
    return orjson.dumps(batch_json(batch))
