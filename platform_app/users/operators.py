"""Who is an operator: `python -m platform_app.users.operators add PHONE | remove PHONE | list`.

There is no endpoint for it: it takes a shell on the machine. Reads the folder that PLATFORM_CONFIG names. A change of
role ends all logins of the person. Exit code 0 done, 1 refused, 2 wrong use.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

from sqlalchemy import select, update

from platform_app.kit.config import ConfigError, ConfigFolder
from platform_app.kit.db import Db
from platform_app.kit.masking import mask_phone
from platform_app.users import repository, sessions
from platform_app.users.schemas import is_phone
from platform_app.users.tables import user


async def set_role(db: Db, phone: str, role: str, now: int) -> str:
    """Gives a customer the operator's role, or takes it; what came of it. `unchanged`, `changed`, or why not."""
    async with db.transaction() as c:
        row = await repository.by_phone_or_new(c, phone, now) if role == "operator" else None
        if row is None:
            row = (await c.execute(select(user).where(user.c.phone == phone).with_for_update())).first()
        if row is None:
            return "nobody has this phone"
        if row.role == role:
            return "unchanged"
        if row.role == "provider":
            return "a provider cannot be an operator"
        await c.execute(update(user).where(user.c.id == row.id).values(role=role, version=row.version + 1))
        await sessions.end_all(c, row.id, "role", now)
    return "changed"


async def listed(db: Db) -> list[str]:
    """A line for each operator, phones masked."""
    async with db.read() as c:
        rows = (await c.execute(select(user).where(user.c.role == "operator").order_by(user.c.id))).all()
    return [f"{row.id}  {mask_phone(row.phone)}  {row.name}" for row in rows]


async def run(asked: argparse.Namespace, url: str) -> int:
    """Does what was asked; the exit code."""
    db = Db(url)
    try:
        if asked.task == "list":
            print("\n".join(await listed(db)))
            return 0
        result = await set_role(db, asked.phone, "operator" if asked.task == "add" else "customer", int(time.time()))
    finally:
        await db.close()
    print(f"{mask_phone(asked.phone)}: {result}")
    return 0 if result in ("changed", "unchanged") else 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m platform_app.users.operators", description=__doc__)
    parser.add_argument("task", choices=("add", "remove", "list"))
    parser.add_argument("phone", nargs="?", default="", help="eleven digits")
    asked = parser.parse_args()
    if asked.task != "list" and not is_phone(asked.phone):
        parser.error("a phone of eleven digits is needed")
    try:
        url = ConfigFolder.from_environment().config.database_url
    except ConfigError as error:
        print(f"operators: {error}", file=sys.stderr)
        return 2
    return asyncio.run(run(asked, url))


if __name__ == "__main__":
    sys.exit(main())
