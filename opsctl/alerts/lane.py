"""A channel at work: its queue, and the robots that empty it. No I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from opsctl.alerts.delivery import Delivery
from opsctl.alerts.limiter import Limiter
from opsctl.alerts.queue import Queue
from opsctl.alerts.receiver import Channel, Receiver
from opsctl.alerts.shared import members_of


@dataclass(eq=False)
class Robot:
    """One place that is called, with its limits; two channels that use the same robot share this."""

    channel: Channel
    limiter: Limiter
    rest_until: float = 0.0

    def wait(self, delivery: Delivery, now: float) -> float:
        """Seconds until it may be called for a delivery."""
        rest = max(0.0, self.rest_until - now)
        if not self.counts(delivery):
            return rest
        return max(rest, self.limiter.wait(now, delivery.urgent, going_on=delivery.part > 0))

    def counts(self, delivery: Delivery) -> bool:
        """Whether the next call counts against the rate: of a round of people, the first does."""
        return bool(self.channel.rate) and delivery.part % self.channel.people == 0


class Robots:
    """All robots by name, with what the last life left: send times and rests."""

    def __init__(self, sent: dict[str, list[float]], rests: Mapping[str, float]) -> None:
        self._sent, self._rests = sent, rests
        self._known: dict[str, Robot] = {}

    def of(self, receiver: Receiver) -> tuple[Robot, ...]:
        """The robots behind a receiver, each with the limits that it now has."""
        return tuple(self._robot(m.channel) for m in members_of(receiver))

    def called_elsewhere(self, name: str, at: float) -> None:
        """A robot was called by somebody else: it counts against the rate."""
        robot = self._known.get(name)
        if robot is not None:
            robot.limiter.took(at)
        else:
            self._sent.setdefault(name, []).append(at)

    def _robot(self, channel: Channel) -> Robot:
        robot = self._known.get(channel.name)
        if robot is None:
            limiter = Limiter(channel.rate, self._sent.get(channel.name, ()), channel.also)
            robot = self._known[channel.name] = Robot(channel, limiter, self._rests.get(channel.name, 0.0))
        robot.channel, robot.limiter.rate, robot.limiter.also = channel, channel.rate, channel.also
        return robot


@dataclass(eq=False)
class Lane:
    """One queue and its loop. `flights`: messages on their way."""

    channel: Channel
    robots: tuple[Robot, ...]
    queue: Queue
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    flights: set[asyncio.Task[None]] = field(default_factory=set)
    loop: asyncio.Task[None] | None = None

    def wait(self, delivery: Delivery, now: float) -> float:
        """Seconds until one of the robots may send it."""
        return min(r.wait(delivery, now) for r in self.robots)

    def choose(self, delivery: Delivery, now: float) -> int:
        """Which robot sends it: of those that may, the one that has sent least lately."""
        return min(
            range(len(self.robots)),
            key=lambda n: (self.robots[n].wait(delivery, now), self.robots[n].limiter.used(now)),
        )

    def rest(self, now: float) -> float:
        """Seconds until the first robot has rested."""
        return max(0.0, min(r.rest_until for r in self.robots) - now)

    def room(self, now: float) -> int:
        """How many messages may go at once now."""
        return sum(r.limiter.burst(now) for r in self.robots if r.rest_until <= now)

    def landed(self, flight: asyncio.Task[None]) -> None:
        self.flights.discard(flight)
        self.wake.set()
