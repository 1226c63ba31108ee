"""alert → route → inhibit → mute → silence → group → dedup → receiver → delivery log.

The whole sentence on one screen. It runs on one asyncio loop; everything it calls is pure or a queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from opsctl.alerts import state
from opsctl.alerts.batch import Batch
from opsctl.alerts.config import Configuration
from opsctl.alerts.dedup import NotificationLog, entry_of, needs_update
from opsctl.alerts.dispatch import Dispatcher, Group
from opsctl.alerts.figures import Figures
from opsctl.alerts.inhibit import Inhibitor
from opsctl.alerts.receiver import Integration
from opsctl.alerts.sender import Sender
from opsctl.alerts.silence import Silence, Silences
from opsctl.alerts.store import AlertStore, Held
from opsctl.alerts.writer import Statement, Writer
from opsctl.core.clock import Clock
from opsctl.core.log import Log
from opsctl.flows.escalating import Escalating
from opsctl.flows.standing import Standing
from opsctl.model.alert import Alert
from opsctl.oncall.acks import Acks
from opsctl.oncall.ladder import Ladder
from opsctl.oncall.ladders import Place
from opsctl.oncall.roster import OnCall

LOG = Log("opsctl.flows.alerting")
_WRITE_FAILED = "alerting.not_written"


class Alerting:
    """The pipeline. `receive` takes alerts in; timers flush the groups; the sender does the rest."""

    def __init__(
        self, configuration: Configuration, remembered: state.Remembered, writer: Writer, sender: Sender,
        log: NotificationLog, acks: Acks, clock: Clock, figures: Figures, roster: Callable[[], OnCall],
        known_ladders: Mapping[Place, tuple[Ladder, bytes]],
    ) -> None:  # fmt: skip
        self.alerts, self.silences, self.acks = AlertStore(remembered.alerts), Silences(remembered.silences), acks
        self.sender, self.log, self.figures = sender, log, figures
        self._writer, self._clock = writer, clock
        self._settled = remembered.settled
        self._timers: dict[Group, asyncio.TimerHandle] = {}
        standing = Standing(self.alerts, self._hushed, acks)
        self.escalating = Escalating(known_ladders, roster, standing, sender, self._written, clock, figures)
        self.configure(configuration)

    def configure(self, configuration: Configuration) -> None:
        """Takes a configuration: groups are made anew from all alerts, what was told stays known."""
        self.configuration = configuration
        self.dispatcher, self.inhibitor = Dispatcher(configuration.route), Inhibitor(configuration.inhibit_rules)
        self._cancel()
        self.sender.configure({**configuration.integrations, **self.escalating.configure(configuration)})
        now = self._clock.now()
        for alert in self.alerts.all():
            self.inhibitor.see(alert)
            self._route(alert, now, alert.updated_at)

    # -- alert ->
    def receive(self, posted: Iterable[Held]) -> asyncio.Future[None]:
        """Takes posted alerts in; they count at once, and are durable when the future is done."""
        now, kept = self._clock.now(), []
        for each in posted:
            held, before = self.alerts.put(each)
            alert = held.alert
            if self.acks.known(alert.fingerprint) and (alert.resolved(now) or (before and before.resolved(now))):
                self.acks.end([alert.fingerprint], now, "resolved")
            self.inhibitor.see(alert)
            self._route(alert, now)
            kept.append(held)
        return self._writer.write([state.put_alerts(kept)])

    # -> route -> group ->
    def _route(self, alert: Alert, now: float, arrived: float | None = None) -> None:
        if self._is_settled(alert):
            return
        for group in self.dispatcher.insert(alert, now, arrived):
            self._wait(group)

    def _is_settled(self, alert: Alert) -> bool:
        """Whether all its groups have already been told that this very alert is over."""
        if not self._settled or alert.ends_at is None:
            return False
        routes = self.dispatcher.root.match(alert.labels)
        return all(
            self._settled.get((r.group_key(r.group_labels(alert.labels)), r.receiver, alert.fingerprint))
            == alert.ends_at
            for r in routes
        )

    def _wait(self, group: Group) -> None:
        before = self._timers.pop(group, None)
        if before is not None:
            before.cancel()
        wait = max(0.0, group.due - self._clock.now())
        self._timers[group] = asyncio.get_running_loop().call_later(wait, self._due, group)

    def _due(self, group: Group) -> None:
        try:
            self.flush(group, self._clock.now())
        except Exception as error:  # one bad group must not stop the others; it is tried again when it is next due
            self.figures.defects.labels("flush").inc()
            LOG.error("flush.defect", error, group=group.key)

    def flush(self, group: Group, now: float) -> None:
        """One group is due. What is to be told is written down together with what has left the group."""
        group.flushed, group.due = True, now + group.route.group_interval
        self._wait(group)
        batch = group.batch(now)
        statements = self._tell(group, batch)
        gone = group.settle(batch)
        if gone:
            statements.append(state.settle(group.key, group.route.receiver, gone))
            self._settled.update({(group.key, group.route.receiver, a.fingerprint): a.ends_at or 0.0 for a in gone})
        if statements:
            self._written(statements)

    def _tell(self, group: Group, batch: Batch) -> list[Statement]:
        audible = self._audible(group, batch)
        if not audible.alerts:
            return []
        integrations = self.configuration.receivers[batch.receiver]
        return [s for i in integrations for s in self._hand(i, group, audible)]

    def _hand(self, integration: Integration, group: Group, batch: Batch) -> list[Statement]:
        """A heartbeat is called by its own loop, an on-call receiver climbs its ladder, the others are notified."""
        if integration.impl.kind == "heartbeat":
            return []
        if integration.impl.kind == "oncall":
            return self.escalating.told(integration, batch)
        return self._notify(integration, group, batch)

    # -> inhibit -> mute -> silence ->
    def _audible(self, group: Group, batch: Batch) -> Batch:
        now = batch.now
        heard = [a for a in batch.alerts if not self._suppressed(bool(self.inhibited_by(a, now)), "inhibition")]
        if self._suppressed(bool(self.muted_by(group, now)), "mute_time_interval"):
            heard = []
        heard = [a for a in heard if not self._suppressed(bool(self.silenced_by(a, now)), "silence")]
        return replace(batch, alerts=tuple(heard))

    def _suppressed(self, yes: bool, reason: str) -> bool:
        if yes:
            self.figures.suppressed.labels(reason).inc()
        return yes

    def inhibited_by(self, alert: Alert, now: float) -> tuple[str, ...]:
        return self.inhibitor.inhibited_by(alert.labels, now)

    def silenced_by(self, alert: Alert, now: float) -> tuple[str, ...]:
        return self.silences.silenced_by(alert.labels, now)

    def _hushed(self, alert: Alert, now: float) -> bool:
        return bool(self.inhibited_by(alert, now) or self.silenced_by(alert, now))

    def muted_by(self, group: Group, now: float) -> tuple[str, ...]:
        """The time intervals that keep a group quiet now."""
        intervals, route = self.configuration.intervals, group.route
        muting = tuple(n for n in route.mute if any(w.holds(now) for w in intervals[n]))
        if route.active and not any(w.holds(now) for n in route.active for w in intervals[n]):
            return (*muting, *route.active)
        return muting

    # -> dedup -> receiver -> delivery log
    def _notify(self, integration: Integration, group: Group, batch: Batch) -> list[Statement]:
        place = (group.key, integration.key)
        known = self.sender.intended(place) or self.log.get(place, batch.now)
        cause = needs_update(known, batch, group.route.repeat_interval, integration.impl.send_resolved)
        if not cause:
            return []
        told = batch if integration.impl.send_resolved else batch.only_firing()
        if not told.alerts:
            entry = entry_of(batch, batch.now)
            self.log.record(place, entry)
            return [state.put_told(place, entry, batch.now + self.log.retention)]
        delivery = self.sender.new(integration, told, cause, batch.now)
        return self.sender.enqueue(delivery)

    # -- beside the sentence
    def keep_silences(self, changed: Iterable[Silence]) -> asyncio.Future[None]:
        """Writes changed silences; they count at once, and are durable when the future is done."""
        return self._writer.write([state.put_silences(changed)])

    def test(self, integration: Integration, batch: Batch) -> tuple[int, asyncio.Future[None]]:
        """Queues a test message; returns its delivery's number, durable when the future is done."""
        delivery = self.sender.new(integration, batch, "test", batch.now)
        return delivery.id, self._writer.write(self.sender.enqueue(delivery))

    def sweep(self) -> None:
        """Drops empty groups; each 30 s, as Alertmanager does."""
        for group in self.dispatcher.sweep():
            timer = self._timers.pop(group, None)
            if timer is not None:
                timer.cancel()

    def collect_garbage(self, retention: float) -> None:
        """Forgets alerts that are over and told, expired silences and old log rows."""
        now = self._clock.now()
        gone = [a for a in self.alerts.all() if a.resolved(now) and not self.dispatcher.groups_of(a)]
        for alert in gone:
            self.alerts.forget(alert)
            self.inhibitor.forget(alert)
        prints = {a.fingerprint for a in gone}
        self._settled = {k: v for k, v in self._settled.items() if k[2] not in prints}
        self.log.forget(now)
        silences = state.drop_silences(self.silences.forget(now - retention))
        self._written([*state.drop_alerts(gone), silences, *state.prune(now, retention)])

    def end_lapsed(self) -> None:
        """Ends acknowledgements whose time is up or whose alert is over."""
        now = self._clock.now()
        self.acks.end(self.acks.lapsed(now), now, "timed out")
        over = []
        for ack in self.acks.standing():
            alert = self.alerts.get(ack.fingerprint)
            if alert is None or alert.resolved(now):
                over.append(ack.fingerprint)
        self.acks.end(over, now, "resolved")

    def stop(self) -> None:
        """No more flushes."""
        self._cancel()

    def _cancel(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _written(self, statements: list[Statement]) -> None:
        """Writes without waiting; a refused write is a figure and a log line (the queue in memory goes on)."""

        def look(done: asyncio.Future[None]) -> None:
            if not done.cancelled() and (error := done.exception()) is not None:
                self.figures.write_failures.inc()
                LOG.error(_WRITE_FAILED, error)

        self._writer.write(statements).add_done_callback(look)
