"""What is known of a provider's time: calendar and half hours, read for a view, or under the lock that a booking takes.

Every booking, every change of a calendar and every late payment first locks the provider's row of orders_calendar:
so that of two that would leave no time for the way between them, the second sees the first. The primary key of
orders_slot stands behind it, whatever else writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.config import Orders
from platform_app.kit.db import insert_ignore
from platform_app.orders import hours
from platform_app.orders.calendar import USUAL_CALENDAR, Calendar
from platform_app.orders.slots import Busy, busy_of
from platform_app.orders.tables import calendar, slot

MOST = 20_000


@dataclass(frozen=True, slots=True)
class Time:
    """A provider's time: calendar, what is booked, and whether holds that have run out still lie in its rows."""

    version: int
    calendar: Calendar
    busy: Busy
    stale: bool


_SLOT = (slot.c.slot_at, slot.c.order_id, slot.c.hold_until, slot.c.ends_at, slot.c.lat_e6, slot.c.lng_e6)
LOCKED = (
    select(calendar.c.version, *_SLOT)
    .select_from(
        calendar.outerjoin(
            slot,
            (slot.c.provider_id == calendar.c.provider_id)
            & (slot.c.slot_at >= bindparam("start"))
            & (slot.c.slot_at < bindparam("end")),
        )
    )
    .where(calendar.c.provider_id == bindparam("provider"))
    .order_by(slot.c.slot_at)
    .with_for_update()
)
"""The one read of a booking: the provider's row and his half hours around, locked."""


def many(start: int, end: int, providers: Sequence[int]) -> Any:
    """The query for the half hours of some providers in [start, end)."""
    return (
        select(slot.c.provider_id, *_SLOT)
        .where(slot.c.provider_id.in_(providers), slot.c.slot_at >= start, slot.c.slot_at < end)
        .order_by(slot.c.provider_id, slot.c.slot_at)
    )


class Times:
    """Reads providers' times; remembers calendars by provider and version, which never change."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], Calendar] = {}

    async def locked(
        self, c: AsyncConnection, provider_id: int, start: int, end: int, rules: Orders, now: int
    ) -> Time | None:
        """The provider's time in [start, end), nobody else booking him until the transaction ends.

        None when there is no row to lock yet: `begin` makes it.
        """
        asked = {"provider": provider_id, "start": start, "end": end}
        rows = (await c.execute(LOCKED, asked)).all()
        if not rows:
            return None
        taken = [row for row in rows if row.slot_at is not None]
        found = await self._calendar(c, provider_id, rows[0].version)
        return self._time(rows[0].version, found, taken, rules, now)

    async def seen(
        self, c: AsyncConnection, providers: Sequence[int], start: int, end: int, rules: Orders, now: int
    ) -> dict[int, Time]:
        """The times of some providers in [start, end), without a lock."""
        versions = select(calendar.c.provider_id, calendar.c.version).where(calendar.c.provider_id.in_(providers))
        known = {row.provider_id: row.version for row in (await c.execute(versions)).all()}
        rows: dict[int, list[Row[Any]]] = {}
        for row in (await c.execute(many(start, end, providers))).all():
            rows.setdefault(row.provider_id, []).append(row)
        found: dict[int, Time] = {}
        for provider in providers:
            version = known.get(provider, 0)
            of = await self._calendar(c, provider, version)
            found[provider] = self._time(version, of, rows.get(provider, []), rules, now)
        return found

    async def _calendar(self, c: AsyncConnection, provider_id: int, version: int) -> Calendar:
        if version == 0:
            return USUAL_CALENDAR
        known = self._known.get((provider_id, version))
        if known is None:
            query = select(calendar.c.version, calendar.c.document).where(calendar.c.provider_id == provider_id)
            row = (await c.execute(query)).one()
            known = hours.read(row.document)
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[provider_id, row.version] = known
        return known

    @staticmethod
    def _time(version: int, of: Calendar, rows: Sequence[Any], rules: Orders, now: int) -> Time:
        stale = any(row.hold_until is not None and row.hold_until <= now for row in rows)
        return Time(version, of, busy_of(rows, rules, now), stale)


async def begin(c: AsyncConnection, provider_id: int, now: int) -> None:
    """Makes the row that bookings of a provider lock; harmless when it is there."""
    row = {"provider_id": provider_id, "version": 0, "document": "{}", "updated_at": now}
    await c.execute(insert_ignore(calendar).values(row))
