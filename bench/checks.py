"""What must hold in the database after thousands of bookings at once, asked by SQL."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, text

_OVERLAPS = """
SELECT COUNT(*) FROM orders_order a JOIN orders_order b ON b.provider_id = a.provider_id AND b.id < a.id
WHERE a.id > :since AND a.status IN ('held', 'paid', 'accepted') AND b.status IN ('held', 'paid', 'accepted')
AND a.starts_at < b.ends_at + 60 * :travel AND b.starts_at < a.ends_at + 60 * :travel
"""
_SHORT = """
SELECT COUNT(*) FROM (SELECT o.id FROM orders_order o LEFT JOIN orders_slot s ON s.order_id = o.id
WHERE o.id > :since GROUP BY o.id, o.starts_at, o.ends_at
HAVING COUNT(s.slot_at) * 1800 <> o.ends_at - o.starts_at + 60 * :travel) AS wrong
"""


@dataclass(frozen=True)
class Found:
    """`orders` made since, pairs of them that `overlap`, those that do not hold all their half hours, unsent events."""

    orders: int
    overlaps: int
    short: int
    unsent: int


def check(engine: Engine, since: int, travel: int) -> Found:
    """Looks at the orders with an id above `since`."""
    given = {"since": since, "travel": travel}
    with engine.connect() as c:
        return Found(
            int(c.execute(text("SELECT COUNT(*) FROM orders_order WHERE id > :since"), {"since": since}).scalar_one()),
            int(c.execute(text(_OVERLAPS), given).scalar_one()),
            int(c.execute(text(_SHORT), given).scalar_one()),
            int(c.execute(text("SELECT COUNT(*) FROM orders_outbox")).scalar_one()),
        )


def newest(engine: Engine) -> int:
    """The highest order id: what comes later is the measurement's."""
    with engine.connect() as c:
        return int(c.execute(text("SELECT COALESCE(MAX(id), 0) FROM orders_order")).scalar_one())
