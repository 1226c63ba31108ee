"""One API document from all services' documents. Merging is pure."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson

from platform_app.kit.client import Client
from platform_app.kit.problem import Problem

METHODS = ("get", "post", "put", "patch", "delete")
_OPEN = ("/api/v1/auth/", "/api/v1/categories", "/api/v1/services", "/api/v1/offerings", "/api/v1/providers")
_OPEN_CALLBACK = "/notify"
_CLOSED = "/api/v1/auth/logout"


async def collect(client: Client, services: Mapping[str, str]) -> dict[str, Any]:
    """The merged document of the services that answer; `x-missing` names the others."""
    found = await asyncio.gather(*(_fetch(client, name) for name in services))
    documents = {name: document for name, document in zip(services, found, strict=True) if document is not None}
    return merge(documents, [name for name in services if name not in documents])


async def _fetch(client: Client, service: str) -> dict[str, Any] | None:
    try:
        answer = await client.call(service, "GET", "/openapi.json", timeout=3)
        return dict(answer.json()) if answer.ok else None
    except (Problem, ValueError):
        return None


def merge(documents: Mapping[str, dict[str, Any]], missing: list[str]) -> dict[str, Any]:
    """Paths side by side; a schema whose name is taken by another gets its service's name in front."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for service, document in documents.items():
        own = document.get("components", {}).get("schemas", {})
        clashes = [name for name, schema in own.items() if name in schemas and schemas[name] != schema]
        renamed = _rename(document, {name: f"{service.title()}{name}" for name in clashes})
        schemas |= renamed.get("components", {}).get("schemas", {})
        paths |= renamed.get("paths", {})
    for path, item in paths.items():
        for method, operation in item.items():
            if (method in METHODS and not path.startswith(_OPEN) and not path.endswith(_OPEN_CALLBACK)) or (
                method in METHODS and path.startswith(_CLOSED)
            ):
                operation["security"] = [{"bearer": []}]
    bearer = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    return {
        "openapi": "3.1.0",
        "info": {"title": "安心家政 API", "version": "1", "description": "Booking platform, all services."},
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": dict(sorted(schemas.items())), "securitySchemes": {"bearer": bearer}},
        "x-missing": missing,
    }


def _rename(document: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    text = orjson.dumps(document).decode()
    for old, new in names.items():
        text = text.replace(f'"#/components/schemas/{old}"', f'"#/components/schemas/{new}"')
    renamed: dict[str, Any] = orjson.loads(text)
    own = renamed.get("components", {}).get("schemas", {})
    for old, new in names.items():
        own[new] = own.pop(old)
    return renamed
