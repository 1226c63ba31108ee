"""What providers do with orders: accept, complete with a photo."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, UploadFile

from platform_app.kit.auth import Principal, require
from platform_app.kit.service import Here
from platform_app.kit.times import now
from platform_app.orders.room import Room
from platform_app.orders.schemas import shown_whole
from platform_app.orders.storage import MAX_PHOTO, StorageFull, drop, keep_photo

router = APIRouter(prefix="/api/v1", tags=["orders"])
Worker = Annotated[Principal, Depends(require("provider", "operator"))]


@router.post("/orders/{order_id}/accept", summary="A provider takes the job")
async def accept(order_id: int, who: Worker, service: Here) -> dict[str, Any]:
    room: Room = service.room
    return shown_whole(await room.move(await room.visible(order_id, who), "accept", now()))


@router.post("/orders/{order_id}/complete", summary="The job is done; a photo may prove it")
async def complete(order_id: int, who: Worker, service: Here, photo: UploadFile | None = None) -> dict[str, Any]:
    room: Room = service.room
    row, at, settings = await room.visible(order_id, who), now(), service.config.storage
    name: str | None = None
    if photo is not None and row.status == "accepted":
        content = await photo.read(MAX_PHOTO + 1)
        try:
            name = await asyncio.to_thread(keep_photo, settings, row.no, content, at)
        except StorageFull:
            room.figures.storage_refused.inc()
            raise
    try:
        return shown_whole(await room.move(row, "complete", at, photo=name))
    except BaseException:
        if name is not None:
            await asyncio.to_thread(drop, settings, name)
        raise
