"""The operations API: FastAPI with roles, problem+json, audit; made of one router a noun."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from opsctl import __version__
from opsctl.access.roles import Principal
from opsctl.api.access import Access, require
from opsctl.api.passing import Passing
from opsctl.api.passing import router as passing_router
from opsctl.api.problem import on_error
from opsctl.core.errors import OpsctlError

PREFIX = "/api/opsctl/v1"


def build(
    access: Access,
    routers: Iterable[APIRouter],
    passed: Mapping[str, str],
    summary: Callable[[], dict[str, Any]],
    reload: Callable[[], dict[str, str]],
    registry: CollectorRegistry,
) -> FastAPI:
    """The ASGI application. `passed`: path prefix → base URL of the process that answers it."""
    passing = Passing(passed)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with passing.running():
            yield

    app = FastAPI(title="opsctl operations API", version=__version__, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.middleware("http")(access)
    app.add_exception_handler(OpsctlError, on_error)
    for each in routers:
        app.include_router(each, prefix=PREFIX)
    app.include_router(_own(summary, reload), prefix=PREFIX)
    app.include_router(_open(app, registry))
    app.include_router(passing_router(passing, passed))
    return app


def _own(summary: Callable[[], dict[str, Any]], reload: Callable[[], dict[str, str]]) -> APIRouter:
    made = APIRouter(tags=["status"])

    @made.get("/summary")
    def show_summary(_: Principal = require("viewer")) -> dict[str, Any]:
        return summary()

    @made.post("/reload")
    def reload_documents(_: Principal = require("operator")) -> dict[str, str]:
        return reload()

    return made


def _open(app: FastAPI, registry: CollectorRegistry) -> APIRouter:
    made = APIRouter(include_in_schema=False)

    @made.get("/-/healthy")
    def healthy() -> PlainTextResponse:
        return PlainTextResponse("opsctl ops is healthy.\n")

    @made.get("/-/ready")
    def ready() -> PlainTextResponse:
        return PlainTextResponse("opsctl ops is ready.\n")

    @made.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    @made.get("/docs")
    def docs() -> HTMLResponse:
        return HTMLResponse(_page(get_openapi(title=app.title, version=app.version, routes=app.routes)))

    return made


_PAGE = """<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:15px/1.6 system-ui,"Noto Sans CJK SC",sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1f2933}}
code{{background:#f0f3f6;padding:.1rem .35rem;border-radius:4px}}td{{padding:.3rem .8rem .3rem 0;vertical-align:top}}
b{{display:inline-block;width:4.5rem}}h2{{margin-top:2rem;border-bottom:1px solid #d9e2ec}}</style>
<h1>{title}</h1><p>版本 / version {version} · <a href="/openapi.json">openapi.json</a> ·
每个请求带 <code>Authorization: Bearer …</code> / every call needs a bearer token.</p>{body}</html>"""


def _page(schema: dict[str, Any]) -> str:
    """The API as one page of our own: no script, nothing from elsewhere."""
    by_tag: dict[str, list[str]] = {}
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            text = operation.get("description") or operation.get("summary", "")
            row = f"<tr><td><b>{method.upper()}</b><code>{path}</code></td><td>{_plain(text)}</td></tr>"
            by_tag.setdefault((operation.get("tags") or ["other"])[0], []).append(row)
    body = "".join(f"<h2>{tag}</h2><table>{''.join(rows)}</table>" for tag, rows in sorted(by_tag.items()))
    return _PAGE.format(title=schema["info"]["title"], version=schema["info"]["version"], body=body)


def _plain(text: str) -> str:
    return re.sub(r"[<>&]", " ", text.split("\n\n")[0])
