"""Tasks a person or a runbook starts: `python -m platform_app.tasks purge-expired [--dry-run]`, `reconcile [--day D]`,
`release-earnings`, `check-books`.

Reads the folder that PLATFORM_CONFIG names; prints one JSON object; exit code 0 done, 1 the database does not
answer, 2 wrong use.
"""

from __future__ import annotations

import argparse
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
from platform_app.messages.tables import message
from platform_app.orders import tables as orders
from platform_app.providers import tables as providers
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
    parser.add_argument("task", choices=("purge-expired",))
    parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    asked = parser.parse_args()
    try:
        config = ConfigFolder.from_environment().config
        result = purge_expired(config, int(time.time()), dry_run=asked.dry_run)
    except ConfigError as error:
        print(f"tasks: {error}", file=sys.stderr)
        return 2
    except SQLAlchemyError as error:
        print(f"tasks: the database does not answer: {error}", file=sys.stderr)
        return 1
    print(orjson.dumps(result).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
