"""Working off differences: shown with what to do, resolved with a reason, never deleted."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.db import Db
from platform_app.kit.problem import Problem, not_found
from platform_app.kit.times import iso
from platform_app.settlement.compare import ADVICE
from platform_app.settlement.posting import within
from platform_app.settlement.tables import difference


async def page_of(c: AsyncConnection, state: str, channel: str, before: int | None, limit: int) -> list[Row[Any]]:
    """Newest first; `state` and `channel` '' are all."""
    query = select(difference).order_by(difference.c.id.desc()).limit(limit)
    if state:
        query = query.where(difference.c.state == state)
    if channel:
        query = query.where(difference.c.channel == channel)
    if before is not None:
        query = query.where(difference.c.id < before)
    return list((await c.execute(query)).all())


async def resolve(db: Db, difference_id: int, operator: int, reason: str, now: int) -> Row[Any]:
    """An operator has settled a difference. Raises Problem 404, 409 `resolved_already`."""

    async def work(c: AsyncConnection) -> Row[Any]:
        found = select(difference).where(difference.c.id == difference_id)
        row = (await c.execute(found.with_for_update())).first()
        if row is None:
            raise not_found("对账差异")
        if row.state != "open":
            raise Problem(409, "resolved_already", "该差异已处理", resolved_at=iso(row.resolved_at))
        values = {"state": "resolved", "resolved_at": now, "resolved_by": operator, "reason": reason}
        await c.execute(update(difference).where(difference.c.id == row.id).values(values))
        return (await c.execute(found)).one()

    return await within(db, work)


def shown(row: Row[Any]) -> dict[str, Any]:
    """A difference as operators see it."""
    return {
        "id": row.id,
        "channel": row.channel,
        "day": row.day,
        "kind": row.kind,
        "subject": row.subject,
        "ref": row.ref,
        "ours_fen": row.ours_fen,
        "theirs_fen": row.theirs_fen,
        "detail": row.detail,
        "advice": ADVICE[row.kind],
        "state": row.state,
        "found_at": iso(row.found_at),
        "resolved_at": iso(row.resolved_at),
        "resolved_by": row.resolved_by,
        "reason": row.reason,
    }
