"""The address book of one person. Adding, removing and choosing the default hold the person's row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.db import inserted_id
from platform_app.kit.masking import mask_name, mask_phone, mask_text
from platform_app.kit.problem import Problem, not_found
from platform_app.kit.times import iso
from platform_app.kit.versions import check_version
from platform_app.users.schemas import AddressChange, NewAddress
from platform_app.users.sessions import hold_user
from platform_app.users.tables import address, user

MICRO = 1_000_000


async def book(c: AsyncConnection, user_id: int) -> Sequence[Row[Any]]:
    """All addresses of a person, the newest first; few enough for one answer."""
    return (await c.execute(select(address).where(address.c.user_id == user_id).order_by(address.c.id.desc()))).all()


async def one(c: AsyncConnection, user_id: int, address_id: int) -> Row[Any]:
    """An address of this person. Raises Problem 404, also for somebody else's."""
    mine = select(address).where(address.c.id == address_id, address.c.user_id == user_id)
    row = (await c.execute(mine)).first()
    if row is None:
        raise not_found("地址")
    return row


async def add(c: AsyncConnection, user_id: int, new: NewAddress, most: int, now: int) -> tuple[Row[Any], int | None]:
    """Adds an address; the first one becomes the default. (row, id of the default). Raises Problem 409 when full."""
    owner = await hold_user(c, user_id)
    if owner is None:
        raise not_found("用户")
    count = select(func.count()).select_from(address).where(address.c.user_id == user_id)
    if (await c.execute(count)).scalar_one() >= most:
        raise Problem(409, "too_many_addresses", f"最多保存 {most} 个地址,请先删除不用的", most=most)
    values = _columns(new.model_dump(exclude={"default"}))
    made = await c.execute(insert(address).values(**values, user_id=user_id, version=1, created_at=now, updated_at=now))
    address_id, default = inserted_id(made), owner.default_address_id
    if new.default or default is None:
        default = address_id
        await _set_default(c, user_id, default)
    return await one(c, user_id, address_id), default


async def change(
    c: AsyncConnection, user_id: int, address_id: int, wish: AddressChange, if_match: str, now: int
) -> Row[Any]:
    """Changes what `wish` gives. Raises Problem 404, 409, 412, 428."""
    row = await _held(c, user_id, address_id)
    check_version(row.version, if_match, wish.version)
    values = _columns(wish.model_dump(exclude={"version"}, exclude_none=True))
    await c.execute(
        update(address).where(address.c.id == row.id).values(**values, version=row.version + 1, updated_at=now)
    )
    return await one(c, user_id, address_id)


async def remove(c: AsyncConnection, user_id: int, address_id: int, if_match: str) -> None:
    """Deletes an address; when it was the default, the one changed last takes its place. Raises Problem 404, 412."""
    owner = await hold_user(c, user_id)
    row = await _held(c, user_id, address_id)
    check_version(row.version, if_match, None, needed=False)
    await c.execute(delete(address).where(address.c.id == row.id))
    if owner is not None and owner.default_address_id == row.id:
        rest = select(address.c.id).where(address.c.user_id == user_id)
        following = await c.execute(rest.order_by(address.c.updated_at.desc(), address.c.id.desc()).limit(1))
        await _set_default(c, user_id, following.scalar())


async def make_default(c: AsyncConnection, user_id: int, address_id: int) -> Row[Any]:
    """Makes one the default; its version stays. Raises Problem 404."""
    await hold_user(c, user_id)
    row = await one(c, user_id, address_id)
    await _set_default(c, user_id, row.id)
    return row


def shown(row: Row[Any], default_id: int | None) -> dict[str, Any]:
    """An address as its owner sees it."""
    return {
        "id": row.id,
        "contact": row.contact,
        "phone": row.phone,
        "province": row.province,
        "city": row.city,
        "district": row.district,
        "street": row.street,
        "detail": row.detail,
        "label": row.label,
        "lat": row.lat_e6 / MICRO,
        "lng": row.lng_e6 / MICRO,
        "default": row.id == default_id,
        "version": row.version,
        "updated_at": iso(row.updated_at),
    }


def shown_masked(row: Row[Any]) -> dict[str, Any]:
    """An address as operators see it: the district, hardly more."""
    return {
        "id": row.id,
        "contact": mask_name(row.contact),
        "phone": mask_phone(row.phone),
        "province": row.province,
        "city": row.city,
        "district": row.district,
        "street": mask_text(row.street, 2),
    }


async def _held(c: AsyncConnection, user_id: int, address_id: int) -> Row[Any]:
    mine = select(address).where(address.c.id == address_id, address.c.user_id == user_id).with_for_update()
    row = (await c.execute(mine)).first()
    if row is None:
        raise not_found("地址")
    return row


async def _set_default(c: AsyncConnection, user_id: int, address_id: int | None) -> None:
    await c.execute(update(user).where(user.c.id == user_id).values(default_address_id=address_id))


def _columns(given: dict[str, Any]) -> dict[str, Any]:
    for degrees in ("lat", "lng"):
        if degrees in given:
            given[f"{degrees}_e6"] = round(given.pop(degrees) * MICRO)
    return given
