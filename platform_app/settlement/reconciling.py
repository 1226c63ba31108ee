"""Reconciling a channel's day: the bill fetched, compared, and what does not agree kept until somebody settles it.

Running a day again changes nothing that did not change: a difference that is gone is resolved by the run itself,
one that a person has resolved stays so.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Row, and_, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.db import Db
from platform_app.kit.log import Log
from platform_app.kit.times import midnight
from platform_app.settlement.bills import Bill, BillError
from platform_app.settlement.channel import Bills, ChannelFailed
from platform_app.settlement.compare import Comparison, Difference, Moved, compare, counted
from platform_app.settlement.posting import post, within
from platform_app.settlement.rules import draft
from platform_app.settlement.tables import difference, journal, movement, run

log = Log("settlement.reconcile")
DAY = 86_400
CHUNK = 500
AGREES_NOW = "复核时双方已一致"


@dataclass(frozen=True, slots=True)
class Report:
    """One run. outcome: agreed | differences | unfetched; money in fen; `found` counts differences by kind."""

    channel: str
    day: str
    outcome: str
    lines: int
    matched: int
    theirs_fen: int
    ours_fen: int
    fee_fen: int
    found: dict[str, int]

    def shown(self) -> dict[str, Any]:
        return asdict(self)


async def reconcile(db: Db, bills: Bills, day: str, now: int) -> Report:
    """Reconciles a day (YYYY-MM-DD, Asia/Shanghai) that is over. A bill that cannot be had is a difference itself."""
    try:
        bill = await asyncio.to_thread(bills.bill, day)
    except (ChannelFailed, BillError) as error:
        lost = Difference("unfetched", "bill", day, 0, 0, str(error)[:300])
        return await _keep(db, bills.channel, day, None, Comparison(frozenset(), 0, (lost,)), 0, now)
    async with db.read() as c:
        named = await _named(c, bill)
        of_day = await _of_day(c, bill.channel, day)
    ours = sum((m.amount_fen if m.subject == "paid" else -m.amount_fen) for m in of_day)
    return await _keep(db, bills.channel, day, bill, compare(bill, named, of_day), ours, now)


async def _named(c: AsyncConnection, bill: Bill) -> list[Moved]:
    refs = sorted({line.ref for line in bill.lines})
    found: list[Moved] = []
    for start in range(0, len(refs), CHUNK):
        mine = movement.c.ref.in_(refs[start : start + CHUNK])
        query = select(movement).where(movement.c.subject.in_(("paid", "refunded")), mine)
        rows = (await c.execute(query.where(movement.c.channel == bill.channel))).all()
        found += [_moved(row) for row in rows]
    return found


async def _of_day(c: AsyncConnection, channel: str, day: str) -> list[Moved]:
    """Ours of the day that no other day's bill shows."""
    start = midnight(day)
    mine = and_(movement.c.at >= start, movement.c.at < start + DAY, movement.c.channel == channel)
    own = or_(movement.c.billed_day.is_(None), movement.c.billed_day == day)
    return [_moved(row) for row in (await c.execute(select(movement).where(mine, own))).all()]


def _moved(row: Row[Any]) -> Moved:
    return Moved(row.id, row.subject, row.ref, row.amount_fen, row.at)


async def _keep(
    db: Db, channel: str, day: str, bill: Bill | None, found: Comparison, ours_fen: int, now: int
) -> Report:
    lines = bill.lines if bill else ()
    theirs = sum(x.amount_fen if x.subject == "paid" else -x.amount_fen for x in lines if x.done)
    fee = bill.fee_fen if bill else 0

    async def work(c: AsyncConnection) -> Report:
        late = await _late(c, channel, found) if bill else set()
        left = tuple(d for d in found.differences if d.ref not in late or d.kind != "missing_there")
        await _write(c, channel, day, left, now)
        if bill:
            await _gone(c, channel, day, left, now)
            await _taken_in(c, channel, late, now)
            await _billed(c, found.matched | await _ids(c, late), day)
            await _fee(c, channel, day, fee, now)
        outcome = "unfetched" if bill is None else "differences" if left else "agreed"
        report = Report(channel, day, outcome, len(lines), found.agreed, theirs, ours_fen, fee, counted(left))
        await _note(c, report, now)
        return report

    report = await within(db, work)
    log.info("reconcile.done", **{**report.shown(), "found": str(report.found)})
    return report


async def _late(c: AsyncConnection, channel: str, found: Comparison) -> set[str]:
    """What we booked after the run that missed it here: an earlier bill showed it, with the same amount."""
    absent = {d.ref: d.ours_fen for d in found.differences if d.kind == "missing_there"}
    late: set[str] = set()
    refs = sorted(absent)
    for start in range(0, len(refs), CHUNK):
        mine = and_(difference.c.channel == channel, difference.c.kind == "missing_here")
        query = select(difference.c.ref, difference.c.theirs_fen).where(
            difference.c.ref.in_(refs[start : start + CHUNK])
        )
        for ref, theirs in (await c.execute(query.where(mine))).all():
            if absent[ref] == theirs:
                late.add(ref)
    return late


async def _ids(c: AsyncConnection, refs: set[str]) -> frozenset[int]:
    ids: set[int] = set()
    ordered = sorted(refs)
    for start in range(0, len(ordered), CHUNK):
        query = select(movement.c.id).where(movement.c.ref.in_(ordered[start : start + CHUNK]))
        ids |= set((await c.execute(query)).scalars())
    return frozenset(ids)


async def _write(c: AsyncConnection, channel: str, day: str, found: tuple[Difference, ...], now: int) -> None:
    mine = (difference.c.channel == channel, difference.c.day == day)
    known = {(r.kind, r.subject, r.ref): r for r in (await c.execute(select(difference).where(*mine))).all()}
    fresh = [d for d in found if d.key not in known]
    if fresh:
        head = {"channel": channel, "day": day, "state": "open", "found_at": now}
        await c.execute(insert(difference), [{**head, **asdict(d)} for d in fresh])
    again = [r.id for d in found if (r := known.get(d.key)) and r.state == "resolved" and r.resolved_by == 0]
    if again:
        reopened = {"state": "open", "resolved_at": None, "resolved_by": None, "reason": None}
        await c.execute(update(difference).where(difference.c.id.in_(again)).values(reopened))


async def _gone(c: AsyncConnection, channel: str, day: str, found: tuple[Difference, ...], now: int) -> None:
    """Resolves what an earlier run of the day found and this one did not."""
    mine = (difference.c.channel == channel, difference.c.day == day, difference.c.state == "open")
    seen = {d.key for d in found}
    rows = (await c.execute(select(difference).where(*mine))).all()
    await _resolve(c, [r.id for r in rows if (r.kind, r.subject, r.ref) not in seen], now)


async def _taken_in(c: AsyncConnection, channel: str, late: set[str], now: int) -> None:
    """Resolves what an earlier day's run missed here, and what was booked since."""
    if late:
        mine = (difference.c.channel == channel, difference.c.kind == "missing_here", difference.c.state == "open")
        query = select(difference.c.id).where(*mine, difference.c.ref.in_(sorted(late)))
        await _resolve(c, list((await c.execute(query)).scalars()), now)


async def _resolve(c: AsyncConnection, ids: list[int], now: int) -> None:
    values = {"state": "resolved", "resolved_at": now, "resolved_by": 0, "reason": AGREES_NOW}
    for start in range(0, len(ids), CHUNK):
        await c.execute(update(difference).where(difference.c.id.in_(ids[start : start + CHUNK])).values(values))


async def _billed(c: AsyncConnection, matched: frozenset[int], day: str) -> None:
    ids = sorted(matched)
    for start in range(0, len(ids), CHUNK):
        mine = (movement.c.id.in_(ids[start : start + CHUNK]), movement.c.billed_day.is_(None))
        await c.execute(update(movement).where(*mine).values(billed_day=day))


async def _fee(c: AsyncConnection, channel: str, day: str, fee: int, now: int) -> None:
    """Books what the day's fees changed since the last run of that day."""
    subject = f"{channel}:{day}"
    before = (await c.execute(select(run.c.fee_fen).where(run.c.channel == channel, run.c.day == day))).scalar() or 0
    more = fee - before
    if more:
        query = select(journal.c.id).where(journal.c.subject == subject, journal.c.kind == "channel.fee")
        count = len((await c.execute(query)).all())
        event_id = f"fee:{subject}:{count + 1}"
        await post(c, draft(event_id, "channel.fee", subject, {"fee": more}, {"channel": channel}), now)


async def _note(c: AsyncConnection, report: Report, now: int) -> None:
    mine = (run.c.channel == report.channel, run.c.day == report.day)
    before = (await c.execute(select(run).where(*mine).with_for_update())).first()
    values = {key: value for key, value in report.shown().items() if key != "found"}
    if before is None:
        await c.execute(insert(run).values(**values, at=now, runs=1))
        return
    if report.outcome == "unfetched":  # what an earlier run booked as fees stays known
        values["fee_fen"] = before.fee_fen
    await c.execute(update(run).where(*mine).values(**values, at=now, runs=before.runs + 1))
