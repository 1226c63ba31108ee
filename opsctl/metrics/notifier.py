"""Sends alerts to Alertmanagers: one bounded queue and one loop for each, so that a hung one holds up no other."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
from prometheus_client import CollectorRegistry, Counter, Gauge, Summary

from opsctl.core.clock import iso
from opsctl.core.errors import OpsctlError
from opsctl.core.http_client import HttpClient
from opsctl.core.http_errors import failure_text
from opsctl.core.http_settings import HttpSettings
from opsctl.core.log import Log
from opsctl.model.alert import Alert
from opsctl.relabel import Rule, relabel

LOG = Log("opsctl.metrics")
CAPACITY = 10_000
_BATCH = 256
_AGAIN_SECONDS = 1.0
_READ = 65_536
"""So much of an answer is read, that its connection can be used again; what it says does not matter."""


@dataclass(frozen=True)
class Receiver:
    """One Alertmanager: the URL of its /api/v2/alerts, how long it may take (seconds), and how to speak to it.

    Files in `http` are relative to `root`. `rules` rewrite the labels of alerts for it alone.
    """

    url: str
    timeout: float = 10.0
    http: HttpSettings = field(default_factory=HttpSettings)
    root: str = ""
    rules: Sequence[Rule] = ()


class NotifierFigures:
    """Under Prometheus' names."""

    def __init__(self, registry: CollectorRegistry) -> None:
        by = ["alertmanager"]
        self.sent = Counter("prometheus_notifications_sent", "Alerts sent.", by, registry=registry)
        self.errors = Counter(
            "prometheus_notifications_errors", "Alerts that could not be sent, each time anew.", by, registry=registry
        )
        self.dropped = Counter(
            "prometheus_notifications_dropped", "Alerts given up: full queues, refusals, an end before they were sent.",
            by, registry=registry,
        )  # fmt: skip
        self.length = Gauge("prometheus_notifications_queue_length", "Alerts waiting.", by, registry=registry)
        self.capacity = Gauge("prometheus_notifications_queue_capacity", "Most alerts waiting.", registry=registry)
        self.known = Gauge("prometheus_notifications_alertmanagers_discovered", "Alertmanagers.", registry=registry)
        self.latency = Summary("prometheus_notifications_latency_seconds", "Time to send.", by, registry=registry)

    def begin(self, url: str) -> None:
        """Every series of an Alertmanager, from 0."""
        for counter in (self.sent, self.errors, self.dropped):
            counter.labels(url).inc(0)
        self.length.labels(url).set(0)

    def forget(self, url: str) -> None:
        """An Alertmanager that is no more has no series."""
        for family in (self.sent, self.errors, self.dropped, self.length):
            family.remove(url)
        with contextlib.suppress(KeyError):
            self.latency.remove(url)


@dataclass
class _Lane:
    receiver: Receiver
    waiting: deque[bytes] = field(default_factory=deque)
    filled: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class Notifier:
    """Takes alerts, adds external labels, relabels, and posts them. Unsent ones are tried again, oldest first."""

    def __init__(self, figures: NotifierFigures, capacity: int = CAPACITY) -> None:
        self._figures, self._capacity = figures, capacity
        self._figures.capacity.set(capacity)
        self._lanes: dict[str, _Lane] = {}
        self._external: Mapping[str, str] = {}
        self._rules: Sequence[Rule] = ()
        self._client: HttpClient | None = None

    async def start(self) -> None:
        self._client = HttpClient()

    def configure(self, receivers: Iterable[Receiver], external: Mapping[str, str], rules: Sequence[Rule]) -> None:
        """Takes the receivers and labels of a configuration; queues of those that stay are kept."""
        self._external, self._rules = dict(external), rules
        wanted = {r.url: r for r in receivers}
        for url in [u for u in self._lanes if u not in wanted]:
            task = self._lanes.pop(url).task
            if task is not None:
                task.cancel()
            self._figures.forget(url)
        for url, receiver in wanted.items():
            if url not in self._lanes:
                self._figures.begin(url)
            lane = self._lanes.setdefault(url, _Lane(receiver))
            lane.receiver = receiver
            if lane.task is None:
                lane.task = asyncio.create_task(self._loop(lane))
        self._figures.known.set(len(self._lanes))

    def send(self, alerts: Iterable[Alert]) -> None:
        """Puts alerts into every queue; a full queue drops its oldest."""
        rewritten = [(alert, relabel({**self._external, **alert.labels}, self._rules)) for alert in alerts]
        kept = [(alert, labels) for alert, labels in rewritten if labels]
        common = [orjson.dumps(body_of(alert, labels)) for alert, labels in kept]
        for lane in self._lanes.values():
            self._put(lane, common if not lane.receiver.rules else _own_bodies(kept, lane.receiver.rules))

    def _put(self, lane: _Lane, bodies: list[bytes]) -> None:
        url = lane.receiver.url
        lane.waiting.extend(bodies)
        over = len(lane.waiting) - self._capacity
        for _ in range(max(0, over)):
            lane.waiting.popleft()
        self._figures.dropped.labels(url).inc(max(0, over))
        if lane.waiting:
            lane.filled.set()
        self._figures.length.labels(url).set(len(lane.waiting))

    async def stop(self, drain_seconds: float = 2.0) -> None:
        """Gives what waits a moment to leave, then ends."""
        end = asyncio.get_running_loop().time() + drain_seconds
        while any(lane.waiting for lane in self._lanes.values()) and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.02)
        tasks = [lane.task for lane in self._lanes.values() if lane.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for url, lane in self._lanes.items():
            self._figures.dropped.labels(url).inc(len(lane.waiting))
        if self._client is not None:
            await self._client.close()

    async def _loop(self, lane: _Lane) -> None:
        while True:
            await lane.filled.wait()
            batch = [lane.waiting[i] for i in range(min(_BATCH, len(lane.waiting)))]
            if await self._post(lane.receiver, batch):
                for body in batch:
                    if lane.waiting and lane.waiting[0] is body:
                        lane.waiting.popleft()
            else:
                await asyncio.sleep(_AGAIN_SECONDS)
            if not lane.waiting:
                lane.filled.clear()
            self._figures.length.labels(lane.receiver.url).set(len(lane.waiting))

    async def _post(self, receiver: Receiver, batch: list[bytes]) -> bool:
        """Whether the batch is done with: taken, or refused for good (4xx)."""
        began = asyncio.get_running_loop().time()
        try:
            status = await self._status(receiver, b"[" + b",".join(batch) + b"]")
        except (aiohttp.ClientError, OpsctlError, OSError, ValueError) as error:
            self._failed(receiver, batch, failure_text(error, receiver.url, "Post"))
            return False
        if status // 100 != 2:
            self._failed(receiver, batch, f"bad response status {status}")
            refused = status // 100 == 4 and status != 429
            self._figures.dropped.labels(receiver.url).inc(len(batch) if refused else 0)
            return refused
        self._figures.sent.labels(receiver.url).inc(len(batch))
        self._figures.latency.labels(receiver.url).observe(asyncio.get_running_loop().time() - began)
        return True

    async def _status(self, receiver: Receiver, body: bytes) -> int:
        assert self._client is not None
        headers = {"Content-Type": "application/json"}
        async with (
            asyncio.timeout(receiver.timeout),
            self._client.request("POST", receiver.url, receiver.http, receiver.root, headers, body) as answer,
        ):
            await answer.content.read(_READ)
            return answer.status

    def _failed(self, receiver: Receiver, batch: list[bytes], why: str) -> None:
        self._figures.errors.labels(receiver.url).inc(len(batch))
        LOG.warning("notifier.failed", alertmanager=receiver.url, alerts=len(batch), error=why)


def _own_bodies(alerts: Iterable[tuple[Alert, Mapping[str, str]]], rules: Sequence[Rule]) -> list[bytes]:
    """The alerts as one Alertmanager alone gets them."""
    rewritten = [(alert, relabel(labels, rules)) for alert, labels in alerts]
    return [orjson.dumps(body_of(alert, labels)) for alert, labels in rewritten if labels]


def body_of(alert: Alert, labels: Mapping[str, str]) -> dict[str, Any]:
    """An alert in Alertmanager's JSON; what is empty is left out."""
    body: dict[str, Any] = {"labels": dict(labels), "startsAt": iso(alert.starts_at)}
    if alert.annotations:
        body["annotations"] = dict(alert.annotations)
    if alert.generator_url:
        body["generatorURL"] = alert.generator_url
    if alert.ends_at is not None:
        body["endsAt"] = iso(alert.ends_at)
    return body
