"""alert → route → inhibit → mute → silence → group → dedup → receiver → delivery log.

The whole sentence on one screen. It runs on one asyncio loop; everything it calls is pure or a queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from opsctl.alerts import life, state
from opsctl.alerts.batch import Batch
from opsctl.alerts.config import Configuration
from opsctl.alerts.damping import Damper
from opsctl.alerts.dedup import Entry, NotificationLog, entry_of, needs_update
from opsctl.alerts.dispatch import Dispatcher, Group, Still
from opsctl.alerts.figures import Figures
from opsctl.alerts.inhibit import Inhibitor
from opsctl.alerts.life import Life
from opsctl.alerts.others import Alone, Others
from opsctl.alerts.receiver import Integration
from opsctl.alerts.sender import Sender
from opsctl.alerts.settled import Settled
from opsctl.alerts.silence import Silence, SilenceRules, Silences
from opsctl.alerts.store import AlertStore, Held
from opsctl.alerts.writer import Statement, Writer
from opsctl.core.clock import Clock, iso, local
from opsctl.core.log import Log
from opsctl.flows.escalating import Escalating
from opsctl.flows.standing import Standing
from opsctl.model.alert import Alert
from opsctl.oncall.acks import Acks
from opsctl.oncall.ladder import Ladder
from opsctl.oncall.ladders import Place
from opsctl.oncall.quiet import quiet_until
from opsctl.oncall.roster import OnCall

LOG = Log("opsctl.flows.alerting")
_WRITE_FAILED = "alerting.not_written"
_LOG_SECONDS = 15 * 86_400.0  # the delivery log and the lives of alerts: the weekly report looks back on them
_AT_ONCE = 200  # groups flushed before the loop does something else


@dataclass(frozen=True)
class Ways:
    """How the pipeline was asked to behave: seconds before the first flush, what silences keep to, who is on call.

    `ladders`: those of the last life, each with its batch; `others`: the other members of a cluster.
    """

    start_delay: float = 0.0
    silences: SilenceRules = field(default_factory=SilenceRules)
    roster: Callable[[], OnCall] = OnCall
    ladders: Mapping[Place, tuple[Ladder, bytes]] = field(default_factory=dict)
    others: Others = field(default_factory=Alone)


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
        self._settled, self.life = Settled(remembered.settled), Life()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._late: set[asyncio.TimerHandle] = set()
        standing = Standing(self.alerts, self._hushed, acks)
        self._others, self._roster = ways.others, ways.roster
        self.escalating = Escalating(
            ways.ladders, ways.roster, standing, sender, self.written, clock, figures, ways.others.wait
        )
        self._damper = Damper(configuration.flapping)
        self._take(configuration, restored=True)

    def configure(self, configuration: Configuration) -> None:
        """Takes a configuration: groups are made anew from all alerts, what was told stays known."""
        self._take(configuration, restored=False)

    def _take(self, configuration: Configuration, restored: bool) -> None:
        self.configuration = configuration
        self._damper.rule = configuration.flapping
        self.dispatcher = Dispatcher(configuration.route, self._start_at)
        self.inhibitor = Inhibitor(configuration.inhibit_rules)
        self._disarm()
        self.sender.configure({**configuration.integrations, **self.escalating.configure(configuration)})
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
            self._turned(alert, before, now)
            self._damper.see(alert, before, now)
            self._route(alert, now)
            kept.append(held)
        self._arm()
        self.figures.house.processing.observe(self._clock.now() - now)
        return self._writer.write([state.put_alerts(kept), *self.life.taken()])

    def _turned(self, alert: Alert, before: Alert | None, now: float) -> None:
        """Notes that an alert has begun or ended."""
        over, was_over = alert.resolved(now), before is None or before.resolved(now)
        if not over and was_over:
            self.life.turn(alert.fingerprint, now, "received", f"fires since {iso(alert.starts_at)}")
        elif over and not was_over:
            self.life.turn(alert.fingerprint, now, "resolved", f"ended {iso(alert.ends_at or now)}")

    # -> route -> group ->
    def _route(self, alert: Alert, now: float, arrived: float | None = None) -> None:
        if not self._settled.all(alert, self.dispatcher.root):
            self.dispatcher.insert(alert, now, arrived)

    def _arm(self) -> None:
        """One timer for all groups, at the earliest that is due."""
        at = self.dispatcher.next_due()
        if at is None or (self._timer is not None and self._timer_at <= at):
            return
        self._disarm()
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
        statements += self.life.taken()
        if statements:
            self.written(statements)
        self._arm()

    def flush(self, group: Group, now: float) -> list[Statement]:
        """One group is due. What is to be told is written down together with what has left the group."""
        if group.still is not None and self._is_still(group.still, now):
            return []
        batch, damped = self._damped(group, group.batch(now))
        audible = self._audible(group, batch)
        wait = self._others.wait() if audible.alerts else 0.0
        statements = self._tell(group, audible) if audible.alerts and not wait else []
        gone = group.settle(batch)
        over = [state.settle(group.key, group.route.receiver, gone)] if gone else []
        if wait:
            self._tell_later(wait, group, audible, over)
        else:
            statements += over
        if gone:
            self._settled.add(group, gone)
            self.dispatcher.drop_empty(group)
        elif audible is batch and not damped:
            group.still = self._still(group, batch)
        return statements

    def _damped(self, group: Group, batch: Batch) -> tuple[Batch, bool]:
        """The batch without the flapping alerts that are known to flap, and whether there were any; they stay in the
        group until they have come to rest.
        """
        held = self._damper.held(group.key, batch.alerts, batch.now, group.route.repeat_interval)
        for fingerprint in held:
            self.figures.suppressed.labels("flapping").inc()
            self.life.held(fingerprint, batch.now, "damped", "it flaps", group.key)
        flapping = self._damper.flapping(group.key, batch.firing, batch.now)
        if not held and not flapping:
            return batch, False
        told = tuple(a for a in batch.alerts if a.fingerprint not in held)
        return replace(batch, alerts=told, flapping=flapping), True

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
        """What an integration has been told of a group, or is being told, here or by another member."""
        return self.sender.intended(place) or self._others.intends(place) or self.log.get(place, now)

    def _tell_later(self, wait: float, group: Group, audible: Batch, over: list[Statement]) -> None:
        """Leaves a flush to the members before us; what they have not told by then, and do not intend to, we tell."""

        def late() -> None:
            places = [(group.key, i.key) for i in self.configuration.receivers.get(audible.receiver, ())]
            if self._others.wait() and any(self._others.intends(place) for place in places):
                self._late.add(loop.call_later(self._others.wait(), late))
                return
            try:
                self.written([*self._tell(group, audible), *over, *self.life.taken()])
            except Exception as error:  # as in _tick
                self.figures.defects.labels("flush").inc()
                LOG.error("flush.defect", error, group=group.key)

        loop = asyncio.get_running_loop()
        self._late = {timer for timer in self._late if timer.when() > loop.time() and not timer.cancelled()}
        self._late.add(loop.call_later(wait, late))

    def _tell(self, group: Group, audible: Batch) -> list[Statement]:
        integrations = self.configuration.receivers.get(audible.receiver, ())
        told = [s for i in integrations for s in self._hand(i, group, audible)]
        if told and audible.flapping:
            self._damper.announced(group.key, audible.flapping, audible.now)
        return told

    def _hand(self, integration: Integration, group: Group, batch: Batch) -> list[Statement]:
        """A heartbeat is called by its own loop, an on-call receiver climbs its ladder, the others are notified; a
        standby is told nothing by itself.
        """
        if integration.impl.kind == "heartbeat" or integration.standby:
            return []
        if integration.impl.kind == "oncall":
            return self.escalating.told(integration, batch)
        return self._notify(integration, group, batch)

    # -> inhibit -> mute -> silence ->
    def _audible(self, group: Group, batch: Batch) -> Batch:
        """What is left to tell; the very batch when nothing is held back."""
        muted, heard = self.muted_by(group, batch.now), []
        for alert in batch.alerts:
            kept = self._kept_back(alert, group, muted, batch.now)
            if kept is None:
                self.life.heard(alert.fingerprint, batch.now, group.key)
                heard.append(alert)
                continue
            kind, figure, reason = kept
            self.figures.suppressed.labels(figure).inc()
            self.life.held(alert.fingerprint, batch.now, kind, reason, group.key)
        return batch if len(heard) == len(batch.alerts) else replace(batch, alerts=tuple(heard))

    def _kept_back(
        self, alert: Alert, group: Group, muted: tuple[str, ...], now: float
    ) -> tuple[str, str, str] | None:  # fmt: skip
        """(what, the figure's reason, by whom), or None when the alert is heard."""
        if by := self.inhibited_by(alert, now):
            return "inhibited", "inhibition", f"by {', '.join(by)}"
        if muted:
            outside = muted is group.route.active
            return "muted", "active_time_interval" if outside else "mute_time_interval", f"by {', '.join(muted)}"
        if by := self.silenced_by(alert, now):
            return "silenced", "silence", f"by {', '.join(by)}"
        return None

    def inhibited_by(self, alert: Alert, now: float) -> tuple[str, ...]:
        return self.inhibitor.inhibited_by(alert.labels, now)

    def silenced_by(self, alert: Alert, now: float) -> tuple[str, ...]:
        return self.silences.silenced_by(alert.labels, now)

    def _hushed(self, alert: Alert, now: float) -> bool:
        return bool(self.inhibited_by(alert, now) or self.silenced_by(alert, now))

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
            self._others.told(place, entry)
            return [state.put_told(place, entry, batch.now + self.log.retention)]
        delivery = self.sender.new(integration, told, cause, batch.now)
        kept = quiet_until(self._roster().quiet, told.severity, batch.now) if told.firing else None
        if kept is not None:
            self._keep_quiet(told, integration, kept)
            delivery = replace(delivery, next_at=kept, cause=f"{cause}, kept until {local(kept, '%m-%d %H:%M')}")
        return self.sender.enqueue(delivery)

    def _keep_quiet(self, told: Batch, integration: Integration, until: float) -> None:
        for alert in told.firing:
            reason = f"quiet hours, until {iso(until)}"
            self.life.turn(alert.fingerprint, told.now, "kept", f"{integration.key}: {reason}")

    # -- beside the sentence
    def keep_silences(self, changed: Iterable[Silence]) -> asyncio.Future[None]:
        """Writes changed silences; they count at once, and are durable when the future is done."""
        changed = tuple(changed)
        self._others.silenced(changed)
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
        self.life.forget(a.fingerprint for a in gone)
        self._damper.forget(a.fingerprint for a in gone)
        self.written(state.drop_alerts(gone))

    def drop_old(self, retention: float) -> None:
        """Forgets expired silences and old rows of the logs."""
        now, kept = self._clock.now(), self.figures.house.kept
        for each in kept.values():
            each.maintenance.inc()
        with kept["nflog"].gc.time():
            self.log.forget(now)
        with kept["silences"].gc.time():
            silences = self.silences.forget(now - retention)
        self.written(
            [
                state.drop_silences(silences),
                *state.prune(now, max(retention, _LOG_SECONDS)),
                life.prune(now - max(retention, _LOG_SECONDS)),
                *self.escalating.forget(now - retention),
            ]
        )

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
        self._disarm()
        for timer in self._late:
            timer.cancel()
        self._late = set()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def written(self, statements: list[Statement]) -> None:
        """Writes without waiting; a refused write is a figure and a log line (the queue in memory goes on)."""

        def look(done: asyncio.Future[None]) -> None:
            if not done.cancelled() and (error := done.exception()) is not None:
                self.figures.write_failures.inc()
                LOG.error(_WRITE_FAILED, error)

        self._writer.write(statements).add_done_callback(look)
