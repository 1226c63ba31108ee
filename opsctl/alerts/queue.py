"""The queue of one channel: what waits, what is in flight, what is due next. No clock, no I/O."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable

from opsctl.alerts.delivery import PENDING, Delivery, Place, absorb, coalesce, idle

_Turn = tuple[int, bool, int]


class Queue:
    """Deliveries of one channel. Per place (group, integration) one is in flight at most; urgent ones go first, then
    what has begun. `held`: whether a place is on its way inside another delivery; only what is urgent overtakes it.
    """

    def __init__(self, held: Callable[[Place], bool] = lambda _: False) -> None:
        self._held = held
        self._open: dict[int, Delivery] = {}
        self._by_place: dict[Place, list[int]] = {}
        self._ready: list[_Turn] = []
        self._later: list[tuple[float, int]] = []
        self._flying: set[Place] = set()

    def __len__(self) -> int:
        return len(self._open)

    def all(self) -> list[Delivery]:
        return [self._open[n] for n in sorted(self._open)]

    def put(self, delivery: Delivery) -> None:
        """Adds a delivery, or puts one back that has to be tried again."""
        if delivery.id not in self._open:
            self._by_place.setdefault(delivery.place, []).append(delivery.id)
        self._open[delivery.id] = delivery
        heapq.heappush(self._later, (delivery.next_at, delivery.id))

    def join(self, delivery: Delivery) -> Delivery | None:
        """Lets a delivery that waits for the same place tell this one too; None when there is none."""
        newest = self.newest(delivery.place)
        if newest is None or not idle(newest) or delivery.place in self._flying:
            return None
        joined = self._open[newest.id] = absorb(newest, delivery)
        heapq.heappush(self._later, (joined.next_at, joined.id))
        return joined

    def keep(self, delivery: Delivery) -> None:
        """Replaces the row of an open delivery without making it due."""
        self._open[delivery.id] = delivery

    def newest(self, place: Place) -> Delivery | None:
        """The last open delivery of a place: what the receiver will know once it is through."""
        found = self._by_place.get(place)
        return self._open[found[-1]] if found else None

    def head(self, now: float) -> Delivery | None:
        """The delivery to send next, still in the queue; None when nothing is due."""
        while self._later and self._later[0][0] <= now:
            _, number = heapq.heappop(self._later)
            if number in self._open:
                heapq.heappush(self._ready, _turn(self._open[number]))
        while self._ready:
            found = self._open.get(self._ready[0][2])
            if found is not None and self._may_go(found, now):
                return found
            heapq.heappop(self._ready)
        return None

    def due(self, now: float) -> list[Delivery]:
        """All that may be sent now, in the order in which it came."""
        return [d for d in self.all() if self._may_go(d, now)]

    def _may_go(self, delivery: Delivery, now: float) -> bool:
        if delivery.status != PENDING or delivery.next_at > now or delivery.place in self._flying:
            return False
        return delivery.urgent or not self._held(delivery.place)

    def next_at(self) -> float | None:
        """When something becomes due; None when nothing waits for a time."""
        return self._later[0][0] if self._later else None

    def take(self, delivery: Delivery) -> tuple[Delivery, list[Delivery]]:
        """Takes the head into flight, merged with all that waits for the same place; also returns the superseded."""
        waiting = [self._open[n] for n in self._by_place[delivery.place]]
        *gone, taken = coalesce(waiting) or [delivery]
        for each in gone:
            self.drop(each)
        self._open[taken.id] = taken
        self._flying.add(taken.place)
        return taken, gone

    def carry(self, carrier: Delivery, members: Iterable[Delivery]) -> None:
        """Takes a new delivery into flight in place of its members."""
        for each in members:
            self.drop(each)
        self.put(carrier)
        self._flying.add(carrier.place)

    def free(self, places: Iterable[Place]) -> None:
        """What waits for these places may go: what held them has landed."""
        for place in places:
            self._wake(place)

    def land(self, delivery: Delivery) -> None:
        """Ends a flight: the row is dropped when it is through, or put back."""
        self._flying.discard(delivery.place)
        if delivery.status == PENDING:
            self.put(delivery)
        else:
            self.drop(delivery)
        self._wake(delivery.place)

    def _wake(self, place: Place) -> None:
        for number in self._by_place.get(place, ()):
            heapq.heappush(self._later, (self._open[number].next_at, number))

    def drop(self, delivery: Delivery) -> None:
        self._open.pop(delivery.id, None)
        numbers = self._by_place.get(delivery.place, [])
        if delivery.id in numbers:
            numbers.remove(delivery.id)
        if not numbers:
            self._by_place.pop(delivery.place, None)


def _turn(delivery: Delivery) -> _Turn:
    return delivery.rank, delivery.part == 0, delivery.id
