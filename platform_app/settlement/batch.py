"""What commands and tasks do with the books, outside of the service: a database of their own, opened and closed."""

from __future__ import annotations

from typing import Any

from platform_app.kit.config import PlatformConfig
from platform_app.kit.db import Db
from platform_app.kit.times import day_of, midnight
from platform_app.settlement import inbox
from platform_app.settlement.check import prove
from platform_app.settlement.reconciling import reconcile
from platform_app.settlement.room import DAY, sources


def day_before(now: int) -> str:
    """Yesterday in Shanghai."""
    return day_of(now - DAY)


def past_day(text: str, now: int) -> str:
    """A day that is over. Raises ValueError with what is wrong."""
    try:
        over = midnight(text) + DAY <= now
    except ValueError as error:
        raise ValueError(f"{text!r} is not a day like 2026-11-24") from error
    if len(text) != 10 or not over:
        raise ValueError(f"{text!r} is not over yet in Shanghai, or not written like 2026-11-24")
    return text


async def reconcile_day(config: PlatformConfig, day: str, now: int) -> list[dict[str, Any]]:
    """Every channel's report. Raises SQLAlchemyError."""
    db = Db(config.database_url)
    try:
        return [(await reconcile(db, source, day, now)).shown() for source in sources(config)]
    finally:
        await db.close()


async def release_all(config: PlatformConfig, now: int) -> int:
    """Makes all earnings available whose time is over; of how many orders. Raises SQLAlchemyError."""
    db, done = Db(config.database_url), 0
    try:
        while True:
            async with db.read() as c:
                due = await inbox.due(c, now)
            if not due:
                return done
            for order_id in due:
                done += await inbox.release(db, order_id, now)
    finally:
        await db.close()


async def check_books(config: PlatformConfig) -> dict[str, Any]:
    """The whole proof. Raises SQLAlchemyError."""
    db = Db(config.database_url)
    try:
        async with db.read() as c:
            return (await prove(c)).shown()
    finally:
        await db.close()
