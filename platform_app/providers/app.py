"""The providers service."""

from __future__ import annotations

from fastapi import FastAPI

from platform_app.kit.config import ConfigFolder
from platform_app.kit.service import create_app
from platform_app.providers import endpoints


def create(folder: ConfigFolder) -> FastAPI:
    return create_app("providers", folder, [endpoints.router, endpoints.inner], title="Providers")
