"""alert → route → inhibit → mute → silence → group → dedup → receiver → delivery log.

The whole sentence on one screen. It runs on one asyncio loop; everything it calls is pure or a queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from opsctl.alerts import state
from opsctl.alerts.batch import Batch
from opsctl.alerts.config import Configuration
from opsctl.alerts.dedup import Entry, NotificationLog, entry_of, needs_update
from opsctl.alerts.dispatch import Dispatcher, Group, Still
from opsctl.alerts.figures import Figures
from opsctl.alerts.inhibit import Inhibitor
from opsctl.alerts.receiver import Integration
from opsctl.alerts.sender import Sender
from opsctl.alerts.settled import Settled
from opsctl.alerts.silence import Silence, SilenceRules, Silences
from opsctl.alerts.store import AlertStore, Held
from opsctl.alerts.writer import Statement, Writer
from opsctl.core.clock import Clock
from opsctl.core.log import Log
from opsctl.model.alert import Alert
from opsctl.oncall.acks import Acks

LOG = Log("opsctl.flows.alerting")
_WRITE_FAILED = "alerting.not_written"
_AT_ONCE = 200  # groups flushed before the loop does something else


@dataclass(frozen=True)
class Ways:
    """How the pipeline was asked to behave: seconds before the first flush, and what silences keep to."""

    start_delay: float = 0.0
    silences: SilenceRules = field(default_factory=SilenceRules)


WAYS = Ways()


class Alerting:
    """The pipeline. `receive` takes alerts in; timers flush the groups; the sender does the rest."""

    def __init__(
        self, configuration: Configuration, remembered: state.Remembered, writer: Writer, sender: Sender,
        log: NotificationLog, acks: Acks, clock: Clock, figures: Figures, ways: Ways = WAYS,
    ) -> None:  # fmt: skip
        self.alerts, self.acks, self.names = AlertStore(remembered.alerts), acks, ways.silences.names
        self.silences = Silences(remembered.silences, ways.silences)
        self.sender, self.log, self.figures = sender, log, figures
        self._writer, self._clock, self._start_at = writer, clock, clock.now() + ways.start_delay
        self._settled = Settled(remembered.settled)
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._take(configuration, restored=True)

    def configure(self, configuration: Configuration) -> None:
        """Takes a configuration: groups are made anew from all alerts, what was told stays known."""
        self._take(configuration, restored=False)

    def _take(self, configuration: Configuration, restored: bool) -> None:
        self.configuration = configuration
        self.dispatcher = Dispatcher(configuration.route, self._start_at)
        self.inhibitor = Inhibitor(configuration.inhibit_rules)
        self.stop()
        self.sender.configure(configuration.integrations)
        now = self._clock.now()
        for alert in self.alerts.all():
            self.inhibitor.see(alert)
            self._route(alert, now, alert.updated_at if restored else None)
        self._arm()

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
        self._arm()
        self.figures.house.processing.observe(self._clock.now() - now)
        return self._writer.write([state.put_alerts(kept)])

    # -> route -> group ->
    def _route(self, alert: Alert, now: float, arrived: float | None = None) -> None:
        if not self._settled.all(alert, self.dispatcher.root):
            self.dispatcher.insert(alert, now, arrived)

    def _arm(self) -> None:
        """One timer for all groups, at the earliest that is due."""
        at = self.dispatcher.next_due()
        if at is None or (self._timer is not None and self._timer_at <= at):
            return
        self.stop()
        self._timer_at = at
        self._timer = asyncio.get_running_loop().call_later(max(0.0, at - self._clock.now()), self._tick)

    def _tick(self) -> None:
        """Flushes what is due, some at a time so that the API is answered in between."""
        self._timer, now = None, self._clock.now()
        statements: list[Statement] = []
        for group in self.dispatcher.take_due(now, _AT_ONCE):
            try:
                statements += self.flush(group, now)
            except Exception as error:  # one bad group must not stop the others; it is tried when it is next due
                self.figures.defects.labels("flush").inc()
                LOG.error("flush.defect", error, group=group.key)
        if statements:
            self._written(statements)
        self._arm()

    def flush(self, group: Group, now: float) -> list[Statement]:
        """One group is due. What is to be told is written down together with what has left the group."""
        if group.still is not None and self._is_still(group.still, now):
            return []
        batch = group.batch(now)
        audible = self._audible(group, batch)
        statements = self._tell(group, audible) if audible.alerts else []
        gone = group.settle(batch)
        if gone:
            statements.append(state.settle(group.key, group.route.receiver, gone))
            self._settled.add(group, gone)
            self.dispatcher.drop_empty(group)
        elif audible is batch:
            group.still = self._still(group, batch)
        return statements

    def _still(self, group: Group, batch: Batch) -> Still | None:
        """Until when the group, which has just told all, has nothing to tell if nothing happens."""
        route, known = group.route, []
        if route.mute or route.active:
            return None
        until = min((a.ends_at for a in group.alerts.values() if a.ends_at is not None), default=float("inf"))
        for each in self.configuration.receivers[route.receiver]:
            place = (group.key, each.key)
            entry = self._knows(place, batch.now)
            known.append((place, entry))
            if entry is not None:
                until = min(until, entry.at + min(route.repeat_interval, self.log.retention))
        return Still(until, self._version(), tuple(known))

    def _is_still(self, still: Still, now: float) -> bool:
        return (
            now < still.until
            and still.version == self._version()
            and all(self._knows(place, now) is entry for place, entry in still.known)
        )

    def _version(self) -> int:
        return self.silences.version + self.inhibitor.version

    def _knows(self, place: tuple[str, str], now: float) -> Entry | None:
        """What an integration has been told of a group, or is being told."""
        return self.sender.intended(place) or self.log.get(place, now)

    def _tell(self, group: Group, audible: Batch) -> list[Statement]:
        integrations = self.configuration.receivers[audible.receiver]
        return [s for i in integrations if i.impl.kind != "heartbeat" for s in self._notify(i, group, audible)]

    # -> inhibit -> mute -> silence ->
    def _audible(self, group: Group, batch: Batch) -> Batch:
        """What is left to tell; the very batch when nothing is held back."""
        now = batch.now
        heard = [a for a in batch.alerts if not self._suppressed(bool(self.inhibited_by(a, now)), "inhibition")]
        if heard and (muted := self.muted_by(group, now)):
            reason = "active_time_interval" if muted is group.route.active else "mute_time_interval"
            self.figures.suppressed.labels(reason).inc(len(heard))
            heard = []
        heard = [a for a in heard if not self._suppressed(bool(self.silenced_by(a, now)), "silence")]
        return batch if len(heard) == len(batch.alerts) else replace(batch, alerts=tuple(heard))

    def _suppressed(self, yes: bool, reason: str) -> bool:
        if yes:
            self.figures.suppressed.labels(reason).inc()
        return yes

    def inhibited_by(self, alert: Alert, now: float) -> tuple[str, ...]:
        return self.inhibitor.inhibited_by(alert.labels, now)

    def silenced_by(self, alert: Alert, now: float) -> tuple[str, ...]:
        return self.silences.silenced_by(alert.labels, now)

    def muted_by(self, group: Group, now: float) -> tuple[str, ...]:
        """The time intervals that keep a group quiet now: all active ones when none holds, else the mute ones that do."""
        intervals, route = self.configuration.intervals, group.route
        if route.active and not any(w.holds(now) for n in route.active for w in intervals[n]):
            return route.active
        return tuple(n for n in route.mute if any(w.holds(now) for w in intervals[n]))

    def muted(self, alert: Alert, now: float) -> tuple[str, ...]:
        """The time intervals that keep an alert quiet in any of its groups."""
        return tuple(dict.fromkeys(n for g in self.dispatcher.groups_of(alert) for n in self.muted_by(g, now)))

    # -> dedup -> receiver -> delivery log
    def _notify(self, integration: Integration, group: Group, batch: Batch) -> list[Statement]:
        place = (group.key, integration.key)
        known = self._knows(place, batch.now)
        self.figures.house.kept["nflog"].queries.inc()
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

    def drop_alerts(self) -> None:
        """Forgets alerts that are over and told."""
        now = self._clock.now()
        gone = [a for a in self.alerts.all() if a.resolved(now) and not self.dispatcher.groups_of(a)]
        for alert in gone:
            self.alerts.forget(alert)
            self.inhibitor.forget(alert)
        self._settled.forget(gone)
        self._written(state.drop_alerts(gone))

    def drop_old(self, retention: float) -> None:
        """Forgets expired silences and old rows of the logs."""
        now, kept = self._clock.now(), self.figures.house.kept
        for each in kept.values():
            each.maintenance.inc()
        with kept["nflog"].gc.time():
            self.log.forget(now)
        with kept["silences"].gc.time():
            silences = self.silences.forget(now - retention)
        self._written([state.drop_silences(silences), *state.prune(now, retention)])

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
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def _written(self, statements: list[Statement]) -> None:
        """Writes without waiting; a refused write is a figure and a log line (the queue in memory goes on)."""

        def look(done: asyncio.Future[None]) -> None:
            if not done.cancelled() and (error := done.exception()) is not None:
                self.figures.write_failures.inc()
                LOG.error(_WRITE_FAILED, error)

        self._writer.write(statements).add_done_callback(look)
