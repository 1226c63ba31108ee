"""Who is there: members heard of lately, and our place among them. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

ALIVE_SECONDS = 5.0
"""A member that has not answered for so long counts as gone."""


@dataclass(frozen=True)
class Member:
    """`name` is its own for one life; '' while only its address is known. `heard`: when it last answered."""

    address: str
    name: str = ""
    heard: float = float("-inf")
    tried: float = float("-inf")
    first_failed: float | None = None


class Members:
    """The members known to one of them. Addresses are HOST:PORT; `seeds` are asked for ever."""

    def __init__(self, me: str, address: str, seeds: Iterable[str]) -> None:
        self.me, self.address = me, address
        self._seeds = frozenset(s for s in seeds if s != address)
        self._known = {s: Member(s) for s in self._seeds}

    def others(self) -> tuple[Member, ...]:
        return tuple(self._known.values())

    def alive(self, now: float) -> tuple[Member, ...]:
        """The others that answer, by name."""
        found = (m for m in self._known.values() if m.name and m.heard > now - ALIVE_SECONDS)
        return tuple(sorted(found, key=lambda m: m.name))

    def here(self, name: str, now: float) -> bool:
        """Whether the member of that name is us or answers."""
        return name == self.me or any(m.name == name for m in self.alive(now))

    def position(self, now: float) -> int:
        """How many members go before us. Source: alertmanager cluster.Peer.Position."""
        return sum(1 for m in self.alive(now) if m.name < self.me)

    def heard(self, address: str, name: str, now: float) -> bool:
        """A member has answered, or called; returns whether it is new, or back, or in a new life."""
        if name == self.me or address == self.address:
            return False
        before = self._known.get(address)
        self._known[address] = Member(address, name, now, now)
        return before is None or before.name != name or before.heard <= now - ALIVE_SECONDS

    def learn(self, addresses: Iterable[str]) -> None:
        """Members that another one knows."""
        for address in addresses:
            if address != self.address and len(self._known) < 64:
                self._known.setdefault(address, Member(address))

    def failed(self, address: str, now: float) -> None:
        """A member did not answer."""
        before = self._known.get(address)
        if before is not None:
            first = before.first_failed if before.first_failed is not None else now
            self._known[address] = Member(address, before.name, before.heard, now, first)

    def to_ask(self, now: float, interval: float, again: float, patience: float) -> tuple[Member, ...]:
        """Whom to ask now: those that answer each `interval`, the silent ones each `again`, seeds sooner.

        A member that is no seed is let go when it was silent for `patience` seconds.
        """
        for member in self.others():
            lost = member.first_failed is not None and member.first_failed < now - patience
            if lost and member.address not in self._seeds and member.heard < now - patience:
                del self._known[member.address]
        return tuple(m for m in self._known.values() if now - m.tried >= self._pause(m, now, interval, again))

    def _pause(self, member: Member, now: float, interval: float, again: float) -> float:
        if member.heard > now - 3 * ALIVE_SECONDS or member.first_failed is None:
            return interval
        silent = now - member.first_failed
        return interval if silent < 30.0 else again
