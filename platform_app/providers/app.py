"""The providers service."""

from __future__ import annotations

from fastapi import FastAPI

from platform_app.kit.cache import Cache, cache_counter
from platform_app.kit.config import ConfigFolder
from platform_app.kit.service import Service, create_app
from platform_app.providers import endpoints


async def startup(service: Service) -> None:
    """Lists, cached by what was asked."""
    service.room = Cache("lists", cache_counter(service.metrics))


def create(folder: ConfigFolder) -> FastAPI:
    routers = [endpoints.router, endpoints.inner]
    return create_app("providers", folder, routers, startup=startup, title="Providers")
