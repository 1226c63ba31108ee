"""Heartbeats: while an alert that is routed to one fires, its URL is called; silence is the alarm."""

from __future__ import annotations

import asyncio

from opsctl.alerts.batch import Batch
from opsctl.alerts.config import Configuration
from opsctl.alerts.figures import Figures
from opsctl.alerts.receiver import Integration, Sent
from opsctl.alerts.receivers.heartbeat import Heartbeat
from opsctl.alerts.sender import Sender
from opsctl.core.clock import Clock
from opsctl.core.log import Log
from opsctl.flows.alerting import Alerting
from opsctl.model.labels import Labels

LOG = Log("opsctl.flows.heartbeats")


class Heartbeats:
    """One loop a heartbeat integration."""

    def __init__(self, alerting: Alerting, sender: Sender, clock: Clock, figures: Figures) -> None:
        self._alerting, self._sender, self._clock, self._figures = alerting, sender, clock, figures
        self._tasks: list[asyncio.Task[None]] = []

    def configure(self, configuration: Configuration) -> None:
        self.stop()
        wanted = [(i, i.impl) for i in configuration.integrations.values() if isinstance(i.impl, Heartbeat)]
        self._tasks = [asyncio.create_task(self._beat(i, h)) for i, h in wanted]

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks = []

    async def _beat(self, integration: Integration, heartbeat: Heartbeat) -> None:
        while True:
            now = self._clock.now()
            try:
                await self._once(integration, now)
            except Exception as error:  # the next beat comes all the same
                self._figures.defects.labels("heartbeat").inc()
                LOG.error("heartbeat.defect", error, receiver=integration.receiver)
            await self._clock.sleep(heartbeat.interval)

    async def _once(self, integration: Integration, now: float) -> None:
        alerts = tuple(self._alerting.dispatcher.firing_for(integration.receiver, now))
        if not alerts:
            return
        batch = Batch(receiver=integration.receiver, group_key="", group_labels=Labels(), alerts=alerts, now=now)
        outcome = await self._sender.call_once(integration, batch, "heartbeat")
        if isinstance(outcome, Sent):
            self._figures.heartbeats.labels(integration.receiver, "sent").inc()
            self._figures.heartbeat_at.labels(integration.receiver).set(now)
            return
        self._figures.heartbeats.labels(integration.receiver, "failed").inc()
        LOG.warning("heartbeat.failed", receiver=integration.receiver, reason=outcome.reason)
