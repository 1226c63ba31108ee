"""Several robots that share one integration's load: what one may not send just now, the next one does."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

from opsctl.alerts.batch import Batch
from opsctl.alerts.personal import Personal
from opsctl.alerts.receiver import Channel, Courier, Outcome, Receiver
from opsctl.model.person import Person


@dataclass(frozen=True)
class Shared:
    """A receiver of many robots of one kind; the sender calls a member, each with limits of its own."""

    members: tuple[Receiver, ...]

    @property
    def kind(self) -> str:
        return self.members[0].kind

    @property
    def send_resolved(self) -> bool:
        return self.members[0].send_resolved

    @property
    def channel(self) -> Channel:
        """One queue for all; its rate is that of all together."""
        channels = [m.channel for m in self.members]
        mark = hashlib.sha256(" ".join(c.name for c in channels).encode()).hexdigest()[:12]
        return replace(channels[0], name=f"{self.kind}:shared:{mark}", rate=sum(c.rate for c in channels))

    def messages(self, batch: Batch, now: float, key: str) -> tuple[Any, ...]:
        return self.members[0].messages(batch, now, key)

    def addressed(self, person: Person) -> Shared | None:
        """As Personal, where each member can."""
        found = [m.addressed(person) if isinstance(m, Personal) else None for m in self.members]
        made = tuple(f for f in found if f is not None)
        return Shared(made) if len(made) == len(self.members) else None

    async def send(self, message: Any, courier: Courier) -> Outcome:
        return await self.members[0].send(message, courier)


def members_of(receiver: Receiver) -> tuple[Receiver, ...]:
    """The robots behind a receiver: itself, where it is one alone."""
    return receiver.members if isinstance(receiver, Shared) else (receiver,)
