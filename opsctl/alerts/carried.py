"""Which deliveries travel inside another: the members of a digest, or what a standby channel has taken over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from opsctl.alerts.delivery import Delivery, Place


class Carried:
    """Carrier id → members, until the carrier has landed. A member's place counts as on its way."""

    def __init__(self, known: Mapping[int, Iterable[Delivery]]) -> None:
        self._members: dict[int, tuple[Delivery, ...]] = {}
        self._places: dict[Place, tuple[int, Delivery]] = {}
        for carrier, members in known.items():
            self.put(carrier, members)

    def put(self, carrier: int, members: Iterable[Delivery]) -> None:
        """More members for a carrier."""
        added = tuple(members)
        self._members[carrier] = (*self._members.get(carrier, ()), *added)
        self._places.update({m.place: (carrier, m) for m in added})

    def of(self, carrier: int) -> tuple[Delivery, ...]:
        return self._members.get(carrier, ())

    def at(self, place: Place) -> Delivery | None:
        """What is on its way to a place inside another delivery."""
        found = self._places.get(place)
        return found[1] if found else None

    def release(self, carrier: int) -> tuple[Delivery, ...]:
        """Forgets a carrier that has landed; returns its members."""
        members = self._members.pop(carrier, ())
        for member in members:
            if self._places.get(member.place, (None,))[0] == carrier:
                del self._places[member.place]
        return members
