"""A provider's calendar: he and operators read and write it. What is booked already is never written over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.auth import Principal, require
from platform_app.kit.fields import LATEST, Key, day_field
from platform_app.kit.problem import Problem, not_found
from platform_app.kit.service import Here, Service
from platform_app.kit.times import iso, now
from platform_app.orders import availability, examples, hours
from platform_app.orders.calendar import Calendar
from platform_app.orders.hours import CalendarIn, LeaveIn, Spans
from platform_app.orders.room import Room
from platform_app.orders.slots import Job, works
from platform_app.orders.tables import calendar, order

router = APIRouter(prefix="/api/v1/providers/{provider_id}/calendar", tags=["calendar"])
MOST_LEAVES, MOST_DAYS, MOST_NAMED = 50, 100, 20


async def owner(provider_id: Key, who: Annotated[Principal, Depends(require("provider", "operator"))]) -> int:
    """The provider whose calendar it is, for himself and operators; Problem 403, 404 for all others."""
    if who.role != "operator" and who.provider_id != provider_id:
        raise not_found("日历")
    return provider_id


Own = Annotated[int, Depends(owner)]
Change = Callable[[Calendar], Calendar]


@router.get("", summary="Working hours, breaks, leave and single days", responses=examples.CALENDAR)
async def show(provider_id: Own, here: Here) -> dict[str, Any]:
    room: Room = here.room
    async with here.db.read() as c:
        time = (await room.times.seen(c, [provider_id], 0, 0, here.config.orders, now()))[provider_id]
    return {"version": time.version, **hours.shown(time.calendar)}


@router.put("", summary="Writes it anew; refused when orders would lie outside of it", responses=examples.WRITE)
async def write(provider_id: Own, body: CalendarIn, here: Here) -> dict[str, Any]:
    wanted = hours.checked(body)
    return await _change(here, provider_id, lambda _: wanted, body.version)


@router.post("/leave", status_code=201, summary="Takes days off", responses=examples.TAKE_LEAVE)
async def take_leave(provider_id: Own, body: LeaveIn, here: Here) -> dict[str, Any]:
    def change(old: Calendar) -> Calendar:
        _not_full(len(old.leave), MOST_LEAVES, "请假")
        return replace(old, leave=hours.leaves((*old.leave, *hours.leaves((body,)))))

    return await _change(here, provider_id, change)


@router.delete("/leave/{first}", summary="Works after all", responses=examples.CHANGE)
async def drop_leave(provider_id: Own, first: str, here: Here) -> dict[str, Any]:
    def change(old: Calendar) -> Calendar:
        kept = tuple(each for each in old.leave if each.first != first)
        if len(kept) == len(old.leave):
            raise not_found("请假")
        return replace(old, leave=kept)

    return await _change(here, provider_id, change)


@router.put("/days/{day}", summary="One day is different; [] is a day off", responses=examples.CHANGE)
async def set_day(provider_id: Own, day: str, body: Spans, here: Here) -> dict[str, Any]:
    known = day_field(day)
    wanted = hours.day_spans(known, body)

    def change(old: Calendar) -> Calendar:
        _not_full(len(old.days.keys() - {known}), MOST_DAYS, "特殊日期")
        return replace(old, days={**old.days, known: wanted})

    return await _change(here, provider_id, change)


@router.delete("/days/{day}", summary="The day is like any other again", responses=examples.CHANGE)
async def drop_day(provider_id: Own, day: str, here: Here) -> dict[str, Any]:
    def change(old: Calendar) -> Calendar:
        if day not in old.days:
            raise not_found("特殊日期")
        return replace(old, days={d: s for d, s in old.days.items() if d != day})

    return await _change(here, provider_id, change)


def _not_full(count: int, most: int, what: str) -> None:
    if count >= most:
        raise Problem(422, "calendar_full", f"{what}最多 {most} 条,请先删除过期的")


async def _change(here: Service, provider_id: int, change: Change, version: int | None = None) -> dict[str, Any]:
    """One change, under the lock that bookings take. Raises Problem 409 `version_conflict` or `calendar_collides`."""
    room: Room = here.room
    at, rules = now(), here.config.orders
    async with here.db.transaction() as c:
        await availability.begin(c, provider_id, at)  # of its own: it must not hold a shared lock when it asks for more
    async with here.db.transaction() as c:
        time = await room.times.locked(c, provider_id, at - 86_400, LATEST, rules, at)
        assert time is not None
        if version is not None and version != time.version:
            raise Problem(409, "version_conflict", "日历刚刚被修改,请刷新后再试", version=time.version)
        wanted = change(time.calendar)
        outside = [job for job in time.busy.jobs if job.end > at and _pushed_out(job, time.calendar, wanted)]
        if outside:
            raise await _collides(c, outside)
        values = {"version": time.version + 1, "document": hours.kept(wanted), "updated_at": at}
        await c.execute(update(calendar).where(calendar.c.provider_id == provider_id).values(values))
    return {"version": time.version + 1, **hours.shown(wanted)}


def _pushed_out(job: Job, old: Calendar, new: Calendar) -> bool:
    """What an operator put outside of working time before is no reason to refuse."""
    minutes = (job.end - job.start) // 60
    return works(old, job.start, minutes) and not works(new, job.start, minutes)


async def _collides(c: AsyncConnection, jobs: list[Job]) -> Problem:
    ids = [job.order_id for job in jobs[:MOST_NAMED]]
    query = select(order.c.id, order.c.no, order.c.starts_at, order.c.ends_at, order.c.status).where(
        order.c.id.in_(ids)
    )
    named = [
        {"id": r.id, "no": r.no, "status": r.status, "starts_at": iso(r.starts_at), "ends_at": iso(r.ends_at)}
        for r in sorted((await c.execute(query)).all(), key=lambda r: (r.starts_at, r.id))
    ]
    text = f"有 {len(jobs)} 个预约在新的工作时间之外,请先改期或取消:" + "、".join(str(o["no"]) for o in named)
    return Problem(409, "calendar_collides", text, orders=named, count=len(jobs))
