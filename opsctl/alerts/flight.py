"""One call of a message: intent written, message sent, answer read. No queue is touched here."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace

from opsctl.alerts import state
from opsctl.alerts.batch import Batch
from opsctl.alerts.delivery import Delivery
from opsctl.alerts.figures import Figures
from opsctl.alerts.landing import Landed, land
from opsctl.alerts.lane import Robot
from opsctl.alerts.receiver import Integration, Outcome
from opsctl.alerts.shared import members_of
from opsctl.alerts.transport import HttpCourier, call
from opsctl.alerts.writer import Statement, Writer
from opsctl.core.clock import Clock
from opsctl.core.http_client import HttpClient
from opsctl.core.log import Log

LOG = Log("opsctl.alerts.flight")
Dress = Callable[[Delivery, Integration], Batch]


class Flights:
    """Makes calls. `dress` adds to a batch what is only known at the time of sending (links, names)."""

    def __init__(self, writer: Writer, clock: Clock, figures: Figures, dress: Dress) -> None:
        self._writer, self._clock, self._figures, self._dress = writer, clock, figures, dress
        self._client: HttpClient | None = None

    def start(self) -> None:
        self._client = HttpClient(trust_env=True)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    @property
    def courier(self) -> HttpCourier:
        """The way out."""
        assert self._client is not None, "start first"
        return HttpCourier(self._client)

    async def once(self, integration: Integration, batch: Batch, key: str) -> Outcome:
        """Calls without queue or log."""
        message, *_ = integration.impl.messages(batch, batch.now, key)
        outcome, _ = await call(self.courier, integration.impl, message)
        return outcome

    async def intend(self, robot: Robot, sending: Delivery, gone: Sequence[Delivery], now: float) -> None:
        """Writes that a message is about to be sent, and when, together with the rows that it takes over."""
        statements = [state.move_delivery(d) for d in gone]
        statements += state.put_delivery(sending) if gone else [state.move_delivery(sending)]
        if robot.counts(sending):
            statements.append(state.put_sent(robot.channel.name, now))
        await self.durable(statements)

    async def call(
        self, integration: Integration, number: int, robot: Robot, sending: Delivery, now: float
    ) -> tuple[Landed, list[Statement], float]:
        """Sends one part by the robot of that number: what becomes of it, what to write of the call, when it ended."""
        members = members_of(integration.impl)
        impl = members[min(number, len(members) - 1)]
        messages = impl.messages(self._dress(sending, integration), now, sending.key)
        began = self._clock.now()
        outcome, unsure = await call(self.courier, impl, messages[min(sending.part, len(messages) - 1)])
        ended = self._clock.now()
        self._figures.called(integration, ended - began)
        statements = []
        if robot.counts(sending):
            robot.limiter.ended(now, ended)
            statements.append(state.move_sent(robot.channel.name, now, ended))
        known = replace(sending, possibly_repeated=True) if unsure else sending
        landed = land(known, outcome, len(messages), robot.channel.people, ended, random.random())
        self._say(landed)
        return landed, statements, ended

    def write(self, statements: Sequence[Statement]) -> None:
        """Writes without waiting; a refused write is said."""

        def look(done: asyncio.Future[None]) -> None:
            if not done.cancelled() and (error := done.exception()) is not None:
                self._figures.write_failures.inc()
                LOG.error("delivery.not_written", error)

        self._writer.write(statements).add_done_callback(look)

    async def durable(self, statements: Sequence[Statement]) -> None:
        """Writes; when the disk refuses, says so and goes on: a message that is sent twice beats one never sent."""
        try:
            await self._writer.write(statements)
        except sqlite3.Error as error:
            self._figures.write_failures.inc()
            LOG.error("delivery.not_written", error)

    def _say(self, landed: Landed) -> None:
        if not landed.outcome:
            return
        delivery = landed.delivery
        self._figures.delivered(delivery, landed.outcome)
        say = LOG.info if landed.outcome == "sent" else LOG.warning
        say(
            f"delivery.{landed.outcome}", delivery=delivery.id, integration=delivery.integration,
            attempts=delivery.attempts, reason=delivery.reason,
        )  # fmt: skip
