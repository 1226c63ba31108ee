"""The sender: one loop a channel. Intent written, message sent, outcome written (flight.py makes the call).

A channel that hangs holds up nobody but itself. A message whose outcome was not written before a kill -9 is sent
again, marked *possibly repeated*; one robot has one message in flight.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from opsctl.alerts import standby, state
from opsctl.alerts.batch import Batch
from opsctl.alerts.carried import Carried
from opsctl.alerts.dedup import Entry, NotificationLog, entry_of
from opsctl.alerts.delivery import BY_HAND, FAILED, PENDING, SENDING, SUPERSEDED, Delivery, back_off
from opsctl.alerts.digest import gather, unite
from opsctl.alerts.figures import Figures
from opsctl.alerts.flight import Dress, Flights
from opsctl.alerts.landing import Landed
from opsctl.alerts.lane import Lane, Robot, Robots
from opsctl.alerts.others import Alone, Others
from opsctl.alerts.queue import Queue
from opsctl.alerts.receiver import Integration, Outcome
from opsctl.alerts.shared import members_of
from opsctl.alerts.transport import HttpCourier
from opsctl.alerts.writer import Statement, Writer
from opsctl.core.clock import Clock
from opsctl.core.copied import copied
from opsctl.core.log import Log

LOG = Log("opsctl.alerts.sender")
_PAUSE_AFTER_DEFECT = 1.0
_GONE = "its receiver is no longer in alertmanager.yml"


class Sender:
    """Owns the delivery queues. `dress` adds to a batch what is only known at the time of sending (links, names).

    `others`: the other members of a cluster; set before `start`.
    """

    def __init__(
        self, writer: Writer, log: NotificationLog, clock: Clock, figures: Figures, dress: Dress,
        remembered: state.Remembered,
    ) -> None:  # fmt: skip
        self.others: Others = Alone()
        self._writer, self._log, self._clock, self._figures = writer, log, clock, figures
        self._flights = Flights(writer, clock, figures, dress)
        self._last_id = remembered.last_id
        self._robots, self._carried = Robots(remembered.sent, remembered.rests), Carried(remembered.carried)
        self._restored = list(remembered.deliveries)
        self._lanes: dict[str, Lane] = {}
        self._integrations: Mapping[str, Integration] = {}
        self._running = False

    def configure(self, integrations: Mapping[str, Integration]) -> None:
        """Takes the integrations in force; deliveries on their way follow their integration to its channel."""
        self._integrations = integrations
        for integration in integrations.values():
            self._lane(integration)
        moved = [d for lane in self._lanes.values() for d in lane.queue.all() if d.status == PENDING]
        for delivery in moved:
            self._lanes[delivery.channel].queue.drop(delivery)
        waiting, self._restored = [*self._restored, *moved], []
        for delivery in sorted(waiting, key=lambda d: d.id):
            self._home(delivery)

    def start(self) -> None:
        self._flights.start()
        self._running = True
        for lane in self._lanes.values():
            self._begin(lane)

    async def stop(self, grace: float) -> None:
        """Sends what is due, for at most `grace` seconds; then ends the loops. What is left stays written."""
        end = self._clock.now() + grace
        while self._clock.now() < end and self._busy():
            await self._clock.sleep(0.02)
        self._running = False
        tasks = [t for lane in self._lanes.values() for t in (lane.loop, *lane.flights) if t is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._flights.close()

    def new(self, integration: Integration, batch: Batch, cause: str, now: float) -> Delivery:
        """A delivery with its number, not yet queued."""
        self._last_id += 1
        channel = integration.impl.channel.name
        return Delivery(
            id=self._last_id, created_at=now, channel=channel, integration=integration.key, batch=batch, cause=cause
        )

    def enqueue(self, delivery: Delivery) -> list[Statement]:
        """Queues a new delivery, or joins it to one that waits for the same group; returns what to write down."""
        joined = self._lanes[delivery.channel].queue.join(delivery)
        if joined is None:
            self._home(delivery)
        else:
            self._lanes[delivery.channel].wake.set()
        if not delivery.batch.test:
            self.others.queued(delivery.place, entry_of(delivery.batch, 0.0), delivery.created_at)
        return state.put_delivery(joined or delivery)

    def called_elsewhere(self, channel: str, at: float) -> None:
        """Another member has called a robot: it counts against the rate here too."""
        self._robots.called_elsewhere(channel, at)

    def requeue(self, delivery: Delivery) -> list[Statement]:
        """Queues a delivery of the log once more; returns what to write down."""
        self._home(delivery)
        return state.put_delivery(delivery)

    def intended(self, place: tuple[str, str]) -> Entry | None:
        """What an integration will have been told of a group once its queue is through; never due for a repeat."""
        integration = self._integrations.get(place[1])
        lane = self._lanes.get(integration.impl.channel.name) if integration else None
        found = (lane.queue.newest(place) if lane else None) or self._carried.at(place)
        return found.intended if found else None

    def open(self) -> Iterable[Delivery]:
        return [d for lane in self._lanes.values() for d in lane.queue.all()]

    def resting(self, integration: Integration, now: float) -> float:
        """Seconds for which a channel still rests after it was called too often."""
        lane = self._lanes.get(integration.impl.channel.name)
        return lane.rest(now) if lane else 0.0

    @property
    def courier(self) -> HttpCourier:
        """The way out, for calls that are not deliveries."""
        return self._flights.courier

    async def call_once(self, integration: Integration, batch: Batch, key: str) -> Outcome:
        """Calls without queue or log: heartbeats."""
        return await self._flights.once(integration, batch, key)

    def _lane(self, integration: Integration) -> Lane:
        channel, robots = integration.impl.channel, self._robots.of(integration.impl)
        lane = self._lanes.get(channel.name)
        if lane is None:
            queue = Queue(lambda place: self._carried.at(place) is not None)
            lane = self._lanes[channel.name] = Lane(channel, robots, queue)
            if self._running:
                self._begin(lane)
        lane.channel, lane.robots = channel, robots
        return lane

    def _begin(self, lane: Lane) -> None:
        lane.loop = asyncio.create_task(self._run(lane), name=f"send {lane.channel.name}")

    def _home(self, delivery: Delivery) -> None:
        """Queues a delivery with its integration's channel; one whose integration is gone fails, kept in the log."""
        integration = self._integrations.get(delivery.integration)
        if integration is None:
            gone = replace(delivery, status=FAILED, reason=_GONE)
            self._figures.delivered(gone, "failed")
            self._writer.write([state.move_delivery(gone)])
            self._release(gone)
            return
        lane = self._lane(integration)
        lane.queue.put(delivery.on(lane.channel.name))
        lane.wake.set()

    def _busy(self) -> bool:
        """Whether something is in flight, or may go now for the first time (what has failed waits for the next life)."""
        now = self._clock.now()
        return any(
            lane.flights or (self._due(lane, now) == 0.0 and any(d.attempts == 0 for d in lane.queue.all()))
            for lane in self._lanes.values()
        )

    def _due(self, lane: Lane, now: float) -> float | None:
        """Seconds until a lane may send something; None when it has nothing to send."""
        head = lane.queue.head(now)
        if head is None:
            at = lane.queue.next_at()
            return None if at is None else max(0.001, at - now)
        return 0.0 if self._standby(lane, head, now) else lane.wait(head, now)

    async def _run(self, lane: Lane) -> None:
        while True:
            lane.wake.clear()
            now = self._clock.now()
            wait = self._due(lane, now) if len(lane.flights) < lane.channel.lanes else None
            if wait == 0.0:
                self._launch(lane, now)
                continue
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(lane.wake.wait(), wait)

    def _launch(self, lane: Lane, now: float) -> None:
        head = lane.queue.head(now)
        assert head is not None
        by = self._standby(lane, head, now)
        if by is not None:
            self._hand_over(lane, head, by, now)
            return
        delivery, gone = self._digest(lane, head, now) or lane.queue.take(head)
        number = lane.choose(delivery, now)
        if lane.robots[number].counts(delivery):
            lane.robots[number].limiter.took(now)
            self.others.called(lane.robots[number].channel.name, now)
        flight = asyncio.create_task(self._fly(lane, number, delivery, gone, now))
        lane.flights.add(flight)
        flight.add_done_callback(lane.landed)

    # -- digests, and what a standby takes over
    def _digest(self, lane: Lane, head: Delivery, now: float) -> tuple[Delivery, list[Delivery]] | None:
        integration = self._integrations.get(head.integration)
        if not lane.channel.rate or integration is None:
            return None

        def fits(delivery: Delivery) -> bool:
            other = self._integrations.get(delivery.integration)
            return other is not None and other.impl == integration.impl

        members = gather(head, lane.queue.due(now), lane.room(now), fits)
        if not members:
            return None
        self._last_id += 1
        digest = unite(self._last_id, head, members, now)
        gone = self._carry(digest, members)
        lane.queue.carry(digest, members)
        self._figures.digests.labels(integration.receiver, integration.impl.kind).inc()
        return digest, gone

    def _carry(self, carrier: Delivery, taken: Sequence[Delivery]) -> list[Delivery]:
        """Lets one delivery tell others, and what those were telling already; returns the rows to write."""
        members = [m for each in taken for m in (*self._carried.release(each.id), each)]
        gone = standby.handed(members, carrier)
        self._carried.put(carrier.id, gone)
        return list(gone)

    def _standby(self, lane: Lane, delivery: Delivery, now: float) -> Integration | None:
        """Who takes over a delivery that its channel cannot send, if anybody can."""
        integration = self._integrations.get(delivery.integration)
        if integration is None or not standby.stuck(delivery, lane.rest(now)):
            return None
        found = standby.candidates(integration, self._integrations)
        return next((i for i in found if self.resting(i, now) <= standby.REST_SECONDS), None)

    def _hand_over(self, lane: Lane, delivery: Delivery, by: Integration, now: float) -> None:
        taken, gone = lane.queue.take(delivery)
        self._last_id += 1
        why = taken.reason or f"休息 {lane.rest(now):.0f} 秒"
        carrier = standby.take_over(self._last_id, taken, by, why, now)
        rows = [*gone, *self._carry(carrier, [taken])]
        lane.queue.land(rows[-1])
        self._figures.handed_over.labels(by.receiver, by.impl.kind).inc()
        LOG.warning("delivery.handed_over", delivery=taken.id, to=by.key, by=carrier.id, reason=why)
        self._home(carrier)
        self._writer.write([*state.put_delivery(carrier), *(state.move_delivery(d) for d in rows)])

    def _release(self, delivery: Delivery) -> None:
        """What a landed carrier held may go on."""
        places = [m.place for m in self._carried.release(delivery.id)]
        for lane in self._lanes.values() if places else ():
            lane.queue.free(places)
            lane.wake.set()

    # -- one message
    async def _fly(self, lane: Lane, number: int, taken: Delivery, gone: list[Delivery], now: float) -> None:
        """One message: intent, call, outcome."""
        robot = lane.robots[number]
        attempts = taken.attempts + 1
        sending = copied(taken, status=SENDING, attempts=attempts, channel=robot.channel.name, next_at=now)
        lane.queue.keep(sending.on(lane.channel.name))
        try:
            await self.others.catch_up()
            if self._is_told(taken):
                landed = replace(taken, status=SUPERSEDED, reason="another member has told it", next_at=0.0)
                rows = state.put_delivery(landed) if gone else [state.move_delivery(landed)]
                self._flights.write([*(state.move_delivery(d) for d in gone), *rows])
            else:
                await self._flights.intend(robot, sending, gone, now)
                landed = await self._attempt(robot, number, sending, now)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # a defect in one receiver must not end its loop
            LOG.error("delivery.defect", error, delivery=taken.id, integration=taken.integration)
            self._figures.defects.labels("sender").inc()
            again = self._clock.now() + _PAUSE_AFTER_DEFECT + back_off(sending.attempts, random.random())
            landed = replace(sending, status=PENDING, next_at=again, reason=f"{type(error).__name__}: {error}")
        lane.queue.land(landed.on(lane.channel.name))
        if landed.status != PENDING:
            self._release(landed)

    async def _attempt(self, robot: Robot, number: int, sending: Delivery, now: float) -> Delivery:
        integration = self._integrations.get(sending.integration)
        if integration is None:
            landed = replace(sending, status=FAILED, reason=_GONE)
            self._flights.write([state.move_delivery(landed)])
            return landed
        after, statements, ended = await self._flights.call(integration, number, robot, sending, now)
        landed, more = self._after(robot, integration, after, ended)
        # Not waited for: what is sent next waits for its own intent, which is written after this.
        self._flights.write([state.move_delivery(landed), *statements, *more])
        return landed

    def _is_told(self, delivery: Delivery) -> bool:
        """Whether another member has told all of it since it was queued; of a digest, all that it carries."""
        if delivery.batch.test or delivery.cause == BY_HAND:
            return False
        told = [m for m in self._carried.of(delivery.id) if not m.batch.digest] or [delivery]
        return all(self._is_told_since(d) for d in told)

    def _is_told_since(self, delivery: Delivery) -> bool:
        entry = self._log.get(delivery.place, self._clock.now())
        if entry is None or entry.at < delivery.created_at:
            return False
        told = delivery.intended
        return told.firing <= entry.firing and told.resolved <= entry.resolved

    def _after(
        self, robot: Robot, integration: Integration, landed: Landed, now: float
    ) -> tuple[Delivery, list[Statement]]:
        """The delivery, and what else is to be written once it has landed so."""
        delivery = landed.delivery
        if landed.outcome == "retried" and landed.rest:
            robot.rest_until = now + landed.rest
            if len(members_of(integration.impl)) > 1 or standby.candidates(integration, self._integrations):
                delivery = replace(delivery, next_at=now)  # another robot or channel may go on at once
            return delivery, [state.put_rest(robot.channel.name, robot.rest_until)]
        if landed.outcome == "sent":
            return delivery, self._record(delivery, now)
        if landed.outcome != "failed":
            return delivery, []
        instead = self._instead(integration, delivery, now)
        again = landed.refused and integration.impl.channel.again and not instead
        return delivery, [] if again else [*instead, *self._record(delivery, now)]

    def _instead(self, integration: Integration, failed: Delivery, now: float) -> list[Statement]:
        """A message that was refused for good goes out by a standby; the failed row stays for a retry by hand."""
        found = standby.candidates(integration, self._integrations)
        if failed.batch.test or not found:
            return []
        self._last_id += 1
        carrier = standby.take_over(self._last_id, failed, found[0], failed.reason, now)
        self._figures.handed_over.labels(integration.receiver, found[0].impl.kind).inc()
        self._home(carrier)
        return state.put_delivery(carrier)

    def _record(self, delivery: Delivery, now: float) -> list[Statement]:
        """The notification log: the receiver has been told (or never will be, which must not be tried for ever).

        A member of a digest that was overtaken by something urgent leaves what the log says of its place alone.
        """
        if delivery.batch.test:
            return []
        statements = []
        for each in (*self._carried.of(delivery.id), delivery):
            known = self._log.get(each.place, now)
            if each.batch.digest or (each is not delivery and known is not None and known.at > delivery.created_at):
                continue
            entry = entry_of(each.batch, now)
            self._log.record(each.place, entry)
            self.others.told(each.place, entry)
            statements.append(state.put_told(each.place, entry, now + self._log.retention))
        return statements
