"""Tasks a person or a runbook starts: `python -m platform_app.tasks purge-expired [--dry-run]`, `reconcile [--day D]`,
`release-earnings`, `check-books`.

Reads the folder that PLATFORM_CONFIG names; prints one JSON object; exit code 0 done, 1 the database does not
answer, 2 wrong use, 3 `check-books` found the books wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Table, delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from platform_app.kit.config import ConfigError, ConfigFolder, PlatformConfig, Storage
from platform_app.kit.db import sync_engine
from platform_app.kit.idempotency import KEPT
from platform_app.messages.tables import message
from platform_app.orders import tables as orders
from platform_app.providers import tables as providers
from platform_app.settlement.batch import check_books, day_before, past_day, reconcile_day, release_all
from platform_app.users import tables as users

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Expired:
    """A file of `tmp/` whose time is over."""

    path: Path
    size: int


def expired_files(settings: Storage, now: float) -> Iterator[Expired]:
    """Files of the object folder's `tmp/` older than `storage.tmp_hours`; nothing outside of it, no links."""
    limit = now - settings.tmp_hours * 3600
    for place, _, names in os.walk(Path(settings.folder) / "tmp"):
        for name in names:
            path = Path(place) / name
            try:
                found = path.lstat()
            except FileNotFoundError:
                continue
            if found.st_mtime < limit and not path.is_symlink():
                yield Expired(path, found.st_size)


def expired_rows(config: PlatformConfig, now: int) -> tuple[tuple[Table[Any], ColumnElement[bool]], ...]:
    """Rows that nothing needs any more, by table."""
    return (
        (users.code, users.code.c.expires_at < now - DAY),
        (users.sms_limit, users.sms_limit.c.last_at < now - DAY),
        (users.session, users.session.c.expires_at < now - DAY),
        (users.revocation, users.revocation.c.at < now - 2 * DAY),
        (users.retained, users.retained.c.keep_until < now),
        (users.idempotency, users.idempotency.c.created_at < now - KEPT),
        (orders.slot, orders.slot.c.slot_at < now - DAY),
        (orders.event, orders.event.c.at < now - 30 * DAY),
        (providers.event, providers.event.c.at < now - 30 * DAY),
        (message, message.c.created_at < now - config.messages.retention_days * DAY),
    )


def purge_expired(config: PlatformConfig, now: int, *, dry_run: bool) -> dict[str, Any]:
    """Removes expired files and rows; what was (or would be) removed. Raises SQLAlchemyError."""
    files = list(expired_files(config.storage, now))
    if not dry_run:
        for file in files:
            file.path.unlink(missing_ok=True)
    rows: dict[str, int] = {}
    engine = sync_engine(config.database_url)
    try:
        for table, old in expired_rows(config, now):
            with engine.begin() as c:
                count = select(func.count()).select_from(table).where(old)
                found = c.execute(count).scalar_one()
                rows[str(table.name)] = found
                if found and not dry_run:
                    c.execute(delete(table).where(old))
    finally:
        engine.dispose()
    return {"files": len(files), "bytes": sum(f.size for f in files), "rows": rows, "dry_run": dry_run}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m platform_app.tasks", description=__doc__)
    tasks = parser.add_subparsers(dest="task", required=True)
    purge = tasks.add_parser("purge-expired", help="remove expired files and rows")
    purge.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    bills = tasks.add_parser("reconcile", help="compare a day's bills of the channels with our books")
    bills.add_argument("--day", default="", help="YYYY-MM-DD in Shanghai; yesterday when not given")
    tasks.add_parser("release-earnings", help="make earnings available whose time is over")
    tasks.add_parser("check-books", help="compute every sum of the ledger anew")
    asked, now = parser.parse_args(), int(time.time())
    try:
        result = perform(asked, ConfigFolder.from_environment().config, now)
    except (ConfigError, ValueError) as error:
        print(f"tasks: {error}", file=sys.stderr)
        return 2
    except SQLAlchemyError as error:
        print(f"tasks: the database does not answer: {error}", file=sys.stderr)
        return 1
    print(orjson.dumps(result).decode())
    return 3 if result.get("right") is False else 0


def perform(asked: argparse.Namespace, config: PlatformConfig, now: int) -> dict[str, Any]:
    """Does the task that was asked for. Raises ValueError, SQLAlchemyError."""
    match asked.task:
        case "reconcile":
            day = past_day(asked.day, now) if asked.day else day_before(now)
            return {"reports": asyncio.run(reconcile_day(config, day, now))}
        case "release-earnings":
            return {"orders": asyncio.run(release_all(config, now))}
        case "check-books":
            return asyncio.run(check_books(config))
        case _:
            return purge_expired(config, now, dry_run=asked.dry_run)


if __name__ == "__main__":
    sys.exit(main())
