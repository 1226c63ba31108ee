"""`python -m platform_app.settlement.reconcile --day 2026-11-24`: compares a day's bills with our books.

Reads the folder that PLATFORM_CONFIG names; prints one JSON object a channel. Exit code 0 all agree, 3 there are
differences or a bill could not be had, 1 the database does not answer, 2 wrong use.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

import orjson
from sqlalchemy.exc import SQLAlchemyError

from platform_app.kit.config import ConfigError, ConfigFolder
from platform_app.settlement.batch import day_before, past_day, reconcile_day


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
