"""`python -m platform_app.settlement.reconcile --day 2026-11-24`: compares a day's bills with our books.

Reads the folder that PLATFORM_CONFIG names; prints one JSON object a channel. Exit code 0 all agree, 3 there are
differences or a bill could not be had, 1 the database does not answer, 2 wrong use.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from typing import Any

import orjson
from sqlalchemy.exc import SQLAlchemyError

from platform_app.kit.config import ConfigError, ConfigFolder, PlatformConfig
from platform_app.kit.db import Db
from platform_app.kit.times import day_of, midnight
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


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m platform_app.settlement.reconcile", description=__doc__)
    now = int(time.time())
    parser.add_argument("--day", default=day_before(now), help="YYYY-MM-DD in Shanghai; yesterday when not given")
    asked = parser.parse_args()
    try:
        day = past_day(asked.day, now)
        reports = asyncio.run(reconcile_day(ConfigFolder.from_environment().config, day, now))
    except (ConfigError, ValueError) as error:
        print(f"reconcile: {error}", file=sys.stderr)
        return 2
    except SQLAlchemyError as error:
        print(f"reconcile: the database does not answer: {error}", file=sys.stderr)
        return 1
    for report in reports:
        print(orjson.dumps(report).decode())
    return 0 if all(report["outcome"] == "agreed" for report in reports) else 3


if __name__ == "__main__":
    sys.exit(main())
