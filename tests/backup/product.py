"""The operations API with some routers, on a free port, as the command line meets it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import APIRouter
from prometheus_client import CollectorRegistry

from opsctl.access import audit as audit_log
from opsctl.access import tokens as token_table
from opsctl.access.audit import Audit
from opsctl.access.tokens import Tokens
from opsctl.api.access import Access
from opsctl.api.ops import build
from opsctl.core.db import Database
from tests.servers import free_port, wait_for

ROOT = Path(__file__).parents[2]


class Product:
    """`opsctl` as a user types it, in a folder with an opsctl.yml."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"

    def command(self, *args: str) -> list[str]:
        return [sys.executable, "-c", "from opsctl.cli.main import main; main()", *args]

    def opsctl(self, *args: str) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        done = subprocess.run(
            self.command(*args), cwd=self.folder, capture_output=True, text=True, check=False, timeout=60,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "COLUMNS": "200", "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr


@contextmanager
def running(folder: Path, routers: list[APIRouter], registry: CollectorRegistry) -> Iterator[Product]:
    """The API over these routers, with tokens in `folder`/var, until the block ends."""
    port = free_port()
    (folder / "opsctl.yml").write_text(f"home: var\nlisten: {{ops: 127.0.0.1:{port}}}\n")
    tokens = Tokens(Database(folder / "var" / "tokens.db", token_table.SCHEMA))
    tokens.seed(folder / "var" / "tokens", time.time())
    access = Access(tokens, Audit(Database(folder / "var" / "audit.db", audit_log.SCHEMA)))
    app = build(access, routers, {}, dict, dict, registry)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_for(lambda: server.started, 10, "the operations API")
        yield Product(folder, port)
    finally:
        server.should_exit = True
        thread.join(10)
