"""What the operations API passes on, and with which role."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from opsctl.access import audit, tokens
from opsctl.access.audit import Audit
from opsctl.access.tokens import Tokens
from opsctl.api.access import Access
from opsctl.api.ops import build
from opsctl.core.db import Database


class _Echo(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        said = f"{self.command} {self.path} packed: {self.headers.get('Accept-Encoding')}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_POST = do_OPTIONS = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def metrics() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def table(tmp_path: Path) -> Tokens:
    return Tokens(Database(tmp_path / "t.db", tokens.SCHEMA))


@pytest.fixture
def app(table: Tokens, metrics: str, tmp_path: Path) -> FastAPI:
    access = Access(table, Audit(Database(tmp_path / "a.db", audit.SCHEMA)))
    passed = {"/api/v1/": metrics, "/federate": metrics}
    return build(access, (), passed, lambda: {}, lambda: {}, CollectorRegistry())


async def test_a_viewer_reads_and_changes_nothing(app: FastAPI, table: Tokens) -> None:
    headers = {"Authorization": f"Bearer {table.add('v', 'viewer', 1.0)}"}
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://ops", headers=headers) as client,
    ):
        for method, path, status in (
            ("GET", "/federate?match[]=up", 200), ("POST", "/api/v1/query_exemplars", 200),
            ("POST", "/api/v1/format_query", 200), ("POST", "/api/v1/parse_query", 200),
            ("OPTIONS", "/api/v1/query", 200), ("POST", "/api/v1/write", 403),
            ("POST", "/api/v1/admin/tsdb/snapshot", 403), ("POST", "/federate", 403),
        ):  # fmt: skip
            answer = await client.request(method, path)
            assert answer.status_code == status, (method, path)
            if status == 200:
                assert answer.text.startswith(f"{method} {path.split('?')[0]}")


async def test_nothing_is_packed_that_was_not_asked_for_packed(app: FastAPI, table: Tokens) -> None:
    headers = {"Authorization": f"Bearer {table.add('v', 'viewer', 1.0)}"}
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://ops", headers=headers) as client,
    ):
        del client.headers["accept-encoding"]
        assert (await client.get("/api/v1/labels")).text.endswith("packed: None")
        asked = await client.get("/api/v1/labels", headers={"Accept-Encoding": "gzip"})
        assert asked.text.endswith("packed: gzip")
