"""The catalog service."""

from __future__ import annotations

from fastapi import FastAPI

from platform_app.catalog import endpoints, prices
from platform_app.catalog.room import Room
from platform_app.kit.config import ConfigFolder
from platform_app.kit.service import Service, create_app


async def startup(here: Service) -> None:
    here.room = Room(here)


def create(folder: ConfigFolder) -> FastAPI:
    routers = [endpoints.router, prices.router, endpoints.inner]
    return create_app("catalog", folder, routers, startup=startup, title="Catalog")
