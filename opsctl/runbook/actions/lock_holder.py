"""Finds who keeps a SQLite database locked against writers."""

from __future__ import annotations

import time
from pathlib import Path

from opsctl.core.document import Duration, document, nearest
from opsctl.core.errors import NotFound, UsageError
from opsctl.runbook.action import Action, Context, Output
from opsctl.runbook.holders import describe, protected_pids, writers

_PERIOD = 0.1


@document
class LockHolder:
    """`database`: of the inventory. Who holds the lock for the whole of `held` is the holder; a passing writer is not."""

    database: str = "platform"
    system: str = ""
    held: Duration = 2.0


class LockHolderAction(Action[LockHolder]):
    name = "lock_holder"
    inputs = LockHolder
    outputs = ("found", "foreign", "file", "pid", "identity", "name", "command", "user")

    def run(self, context: Context, inputs: LockHolder) -> Output:
        file = sqlite_file(context, inputs.system, inputs.database)
        pids = set(writers(file))
        for _ in range(max(1, int(inputs.held / _PERIOD))):
            if not pids or context.stopped():
                break
            time.sleep(_PERIOD)
            pids &= set(writers(file))
        if not pids:
            nobody = dict.fromkeys(("pid", "identity", "name", "command", "user"))
            return {"found": False, "foreign": False, "file": str(file), **nobody}
        holder = describe(min(pids), protected_pids(context.supervisor))
        return {"found": True, "file": str(file), **holder.output()}


def sqlite_file(context: Context, system: str, database: str) -> Path:
    """The file of an inventory's SQLite database. Raises UsageError when it is of another engine."""
    inventory = context.inventory(system)
    found = inventory.database(database)
    if found is None:
        hint = nearest(database, [d.name for d in inventory.databases])
        raise NotFound(f"{inventory.system} has no database {database!r}", hint)
    scheme, _, path = found.url.partition(":///")
    if scheme != "sqlite":
        raise UsageError(f"{database} is not a SQLite database", "ask the server itself who holds its locks")
    return Path(path)
