"""The catalog service."""

from __future__ import annotations

from fastapi import FastAPI

from platform_app.catalog import endpoints
from platform_app.kit.config import ConfigFolder
from platform_app.kit.service import create_app


def create(folder: ConfigFolder) -> FastAPI:
    return create_app("catalog", folder, [endpoints.router, endpoints.inner], title="Catalog")
