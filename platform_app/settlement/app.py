"""The settlement service."""

from __future__ import annotations

from fastapi import FastAPI

from platform_app.kit.config import ConfigFolder
from platform_app.kit.service import Service, create_app
from platform_app.kit.times import now
from platform_app.settlement import events, operators, providers
from platform_app.settlement.room import Room


async def startup(service: Service) -> None:
    """Its room, and the loops: earnings released, withdrawals paid out, bills fetched, the books proved and shown."""
    room = service.room = Room(service, now())
    service.loop("release", 30, lambda: room.release(now()))
    service.loop("retry", 15, lambda: room.retry(now()))
    service.loop("payouts", 2, lambda: room.pay_out(now()))
    service.loop("nightly", 60, lambda: room.nightly(now()))
    service.loop("refresh", 10, lambda: room.refresh(now()))
    service.loop("prove", 3600, room.prove)


def create(folder: ConfigFolder) -> FastAPI:
    routers = [providers.router, operators.router, events.router]
    return create_app("settlement", folder, routers, startup=startup, title="Settlement")
