"""The sender: one loop a channel. Intent written, message sent, outcome written.

A channel that hangs holds up nobody but itself. A message whose outcome was not written before a kill -9 is sent
again, marked *possibly repeated*; one robot has one message in flight.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from opsctl.alerts import state
from opsctl.alerts.batch import Batch
from opsctl.alerts.dedup import Entry, NotificationLog, entry_of
from opsctl.alerts.delivery import FAILED, PENDING, SENDING, SENT, Delivery, back_off
from opsctl.alerts.figures import Figures
from opsctl.alerts.limiter import Limiter
from opsctl.alerts.queue import Queue
from opsctl.alerts.receiver import Channel, Integration, Outcome, Refused, RetryAfter, Sent
from opsctl.alerts.transport import HttpCourier, call
from opsctl.alerts.writer import Statement, Writer
from opsctl.core.clock import Clock
from opsctl.core.http_client import HttpClient
from opsctl.core.log import Log

LOG = Log("opsctl.alerts.sender")
_PAUSE_AFTER_DEFECT = 1.0
Dress = Callable[[Delivery, Integration], Batch]


@dataclass(eq=False)
class _Lane:
    """A channel at work."""

    channel: Channel
    limiter: Limiter
    queue: Queue = field(default_factory=Queue)
    rest_until: float = 0.0
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    flights: set[asyncio.Task[None]] = field(default_factory=set)
    loop: asyncio.Task[None] | None = None

    def landed(self, flight: asyncio.Task[None]) -> None:
        self.flights.discard(flight)
        self.wake.set()


class Sender:
    """Owns the delivery queues. `dress` adds to a batch what is only known at the time of sending (links, names)."""

    def __init__(
        self, writer: Writer, log: NotificationLog, clock: Clock, figures: Figures, dress: Dress,
        remembered: state.Remembered,
    ) -> None:  # fmt: skip
        self._writer, self._log, self._clock, self._figures, self._dress = writer, log, clock, figures, dress
        self._last_id = remembered.last_id
        self._sent, self._rests = remembered.sent, remembered.rests
        self._restored = list(remembered.deliveries)
        self._lanes: dict[str, _Lane] = {}
        self._integrations: Mapping[str, Integration] = {}
        self._client: HttpClient | None = None
        self._ending = False

    def configure(self, integrations: Mapping[str, Integration]) -> None:
        """Takes the integrations in force; deliveries on their way follow their integration to its channel."""
        self._integrations = integrations
        for integration in integrations.values():
            self._lane(integration.impl.channel)
        moved = [d for lane in self._lanes.values() for d in lane.queue.all() if d.status == PENDING]
        for delivery in moved:
            self._lanes[delivery.channel].queue.drop(delivery)
        waiting, self._restored = [*self._restored, *moved], []
        for delivery in sorted(waiting, key=lambda d: d.id):
            self._home(delivery)

    def start(self) -> None:
        self._client = HttpClient(trust_env=True)
        for lane in self._lanes.values():
            self._begin(lane)

    async def stop(self, grace: float) -> None:
        """Sends what is due, for at most `grace` seconds; then ends the loops. What is left stays written."""
        end = self._clock.now() + grace
        while self._clock.now() < end and self._busy():
            await self._clock.sleep(0.02)
        self._ending = True
        tasks = [t for lane in self._lanes.values() for t in (lane.loop, *lane.flights) if t is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.close()

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
        return state.put_delivery(joined or delivery)

    def requeue(self, delivery: Delivery) -> list[Statement]:
        """Queues a delivery of the log once more; returns what to write down."""
        self._home(delivery)
        return state.put_delivery(delivery)

    def intended(self, place: tuple[str, str]) -> Entry | None:
        """What an integration will have been told of a group once its queue is through; never due for a repeat."""
        integration = self._integrations.get(place[1])
        lane = self._lanes.get(integration.impl.channel.name) if integration else None
        found = lane.queue.newest(place) if lane else None
        return found.intended if found else None

    def open(self) -> Iterable[Delivery]:
        return [d for lane in self._lanes.values() for d in lane.queue.all()]

    def resting(self, integration: Integration, now: float) -> float:
        """Seconds for which a channel still rests after it was called too often."""
        lane = self._lanes.get(integration.impl.channel.name)
        return max(0.0, lane.rest_until - now) if lane else 0.0

    async def call_once(self, integration: Integration, batch: Batch, key: str) -> Outcome:
        """Calls without queue or log: heartbeats."""
        assert self._client is not None
        request, *_ = integration.impl.messages(batch, batch.now, key)
        outcome, _ = await call(HttpCourier(self._client), integration.impl, request)
        return outcome

    def _lane(self, channel: Channel) -> _Lane:
        lane = self._lanes.get(channel.name)
        if lane is None:
            limiter = Limiter(channel.rate, self._sent.get(channel.name, ()))
            lane = self._lanes[channel.name] = _Lane(channel, limiter, rest_until=self._rests.get(channel.name, 0.0))
            if self._client is not None:
                self._begin(lane)
        lane.channel, lane.limiter.rate = channel, channel.rate
        return lane

    def _begin(self, lane: _Lane) -> None:
        lane.loop = asyncio.create_task(self._run(lane), name=f"send {lane.channel.name}")

    def _home(self, delivery: Delivery) -> None:
        """Queues a delivery with its integration's channel; one whose integration is gone fails, kept in the log."""
        integration = self._integrations.get(delivery.integration)
        if integration is None:
            gone = replace(delivery, status=FAILED, reason="its receiver is no longer in alertmanager.yml")
            self._figures.delivered(gone, "failed")
            self._writer.write([state.move_delivery(gone)])
            return
        lane = self._lane(integration.impl.channel)
        lane.queue.put(replace(delivery, channel=lane.channel.name))
        lane.wake.set()

    def _busy(self) -> bool:
        """Whether something is in flight, or may go now for the first time (what has failed waits for the next life)."""
        now = self._clock.now()
        return any(
            lane.flights or (self._due(lane, now) == 0.0 and any(d.attempts == 0 for d in lane.queue.all()))
            for lane in self._lanes.values()
        )

    def _due(self, lane: _Lane, now: float) -> float | None:
        """Seconds until a lane may send something; None when it has nothing to send."""
        head = lane.queue.head(now)
        if head is None:
            at = lane.queue.next_at()
            return None if at is None else max(0.001, at - now)
        return max(0.0, lane.rest_until - now, lane.limiter.wait(now, head.urgent))

    async def _run(self, lane: _Lane) -> None:
        while True:
            lane.wake.clear()
            now = self._clock.now()
            wait = self._due(lane, now) if len(lane.flights) < lane.channel.lanes else None
            if wait == 0.0:
                self._launch(lane, now)
                continue
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(lane.wake.wait(), wait)

    def _launch(self, lane: _Lane, now: float) -> None:
        head = lane.queue.head(now)
        assert head is not None
        delivery, gone = lane.queue.take(head)
        if lane.channel.rate:
            lane.limiter.took(now)
        flight = asyncio.create_task(self._fly(lane, delivery, gone, now))
        lane.flights.add(flight)
        flight.add_done_callback(lane.landed)

    async def _fly(self, lane: _Lane, taken: Delivery, gone: list[Delivery], now: float) -> None:
        """One message: intent, call, outcome."""
        sending = replace(taken, status=SENDING, attempts=taken.attempts + 1, channel=lane.channel.name)
        lane.queue.keep(sending)
        landed = replace(taken, reason="stopped before it was sent")
        try:
            await self._durable(self._intent(lane, sending, gone, now))
            landed = await self._attempt(lane, sending, now)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # a defect in one receiver must not end its loop
            LOG.error("delivery.defect", error, delivery=taken.id, integration=taken.integration)
            self._figures.defects.labels("sender").inc()
            again = self._clock.now() + _PAUSE_AFTER_DEFECT + back_off(sending.attempts, random.random())
            landed = replace(sending, status=PENDING, next_at=again, reason=f"{type(error).__name__}: {error}")
        lane.queue.land(landed)

    def _intent(self, lane: _Lane, sending: Delivery, gone: list[Delivery], now: float) -> list[Statement]:
        statements = [state.move_delivery(d) for d in gone]
        statements += state.put_delivery(sending) if gone else [state.move_delivery(sending)]
        if lane.channel.rate:
            statements.append(state.put_sent(lane.channel.name, now))
        return statements

    async def _attempt(self, lane: _Lane, sending: Delivery, now: float) -> Delivery:
        integration = self._integrations.get(sending.integration)
        if integration is None:
            landed = replace(sending, status=FAILED, reason="its receiver is no longer in alertmanager.yml")
            await self._durable([state.move_delivery(landed)])
            return landed
        assert self._client is not None
        messages = integration.impl.messages(self._dress(sending, integration), now, sending.key)
        began = self._clock.now()
        outcome, unsure = await call(HttpCourier(self._client), integration.impl, messages[sending.part])
        ended = self._clock.now()
        if lane.channel.rate:
            lane.limiter.ended(now, ended)
        self._figures.called(integration, ended - began)
        landed, statements = self._landed(lane, integration, sending, outcome, len(messages), ended)
        if unsure:
            landed = replace(landed, possibly_repeated=True)
        if lane.channel.rate:
            statements.append(state.move_sent(lane.channel.name, now, ended))
        # Not waited for: what is sent next waits for its own intent, which is written after this.
        self._write([state.move_delivery(landed), *statements])
        return landed

    def _landed(
        self, lane: _Lane, integration: Integration, sending: Delivery, outcome: Outcome, parts: int, now: float
    ) -> tuple[Delivery, list[Statement]]:
        """What becomes of a delivery after an answer, and what else is to be written."""
        if isinstance(outcome, Sent) and sending.part + 1 < parts:
            return replace(sending, status=PENDING, part=sending.part + 1, attempts=0, next_at=now, reason=""), []
        if isinstance(outcome, Sent):
            self._figures.delivered(sending, "sent")
            LOG.info("delivery.sent", delivery=sending.id, integration=sending.integration, attempts=sending.attempts)
            landed = replace(sending, status=SENT, sent_at=now, reason="", next_at=0.0)
            return landed, self._record(sending, now)
        if isinstance(outcome, RetryAfter) and (outcome.most is None or sending.attempts <= outcome.most):
            self._figures.delivered(sending, "retried")
            return self._again(lane, sending, outcome, now)
        self._figures.delivered(sending, "failed")
        LOG.warning("delivery.failed", delivery=sending.id, integration=sending.integration, reason=outcome.reason)
        landed = replace(sending, status=FAILED, reason=outcome.reason, next_at=0.0)
        again = integration.impl.channel.again and isinstance(outcome, Refused)
        return landed, [] if again else self._record(sending, now)

    def _again(
        self, lane: _Lane, sending: Delivery, outcome: RetryAfter, now: float
    ) -> tuple[Delivery, list[Statement]]:
        wait = back_off(sending.attempts, random.random()) if outcome.seconds is None else outcome.seconds
        LOG.warning(
            "delivery.retry", delivery=sending.id, integration=sending.integration, reason=outcome.reason, after=wait
        )
        landed = replace(sending, status=PENDING, next_at=now + wait, reason=outcome.reason)
        if not outcome.rest:
            return landed, []
        lane.rest_until = now + wait
        return landed, [state.put_rest(lane.channel.name, lane.rest_until)]

    def _record(self, delivery: Delivery, now: float) -> list[Statement]:
        """The notification log: the receiver has been told (or never will be, which must not be tried for ever)."""
        if delivery.batch.test:
            return []
        entry = entry_of(delivery.batch, now)
        self._log.record(delivery.place, entry)
        return [state.put_told(delivery.place, entry, now + self._log.retention)]

    def _write(self, statements: list[Statement]) -> None:
        """Writes without waiting; a refused write is said."""

        def look(done: asyncio.Future[None]) -> None:
            if not done.cancelled() and (error := done.exception()) is not None:
                self._figures.write_failures.inc()
                LOG.error("delivery.not_written", error)

        self._writer.write(statements).add_done_callback(look)

    async def _durable(self, statements: list[Statement]) -> None:
        """Writes; when the disk refuses, says so and goes on: a message that is sent twice beats one never sent."""
        try:
            await self._writer.write(statements)
        except sqlite3.Error as error:
            self._figures.write_failures.inc()
            LOG.error("delivery.not_written", error)
