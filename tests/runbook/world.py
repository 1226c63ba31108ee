"""A small world for runbooks: a home, an inventory with a task and a configuration, an engine with real threads."""

from __future__ import annotations

import http.server
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from opsctl.core.db import Database
from opsctl.core.errors import NotFound
from opsctl.model.inventory import ConfigOf, DatabaseOf, Inventory, Process
from opsctl.runbook.action import Context
from opsctl.runbook.engine import RunbookEngine
from opsctl.runbook.figures import RunFigures
from opsctl.runbook.library import Library
from opsctl.runbook.state import RunState
from opsctl.runbook.store import SCHEMA, Runs

ALERT = {"labels": {"alertname": "Broken", "service": "shop"}, "annotations": {"summary": "坏了"}}


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def inventory(home: Path, port: int = 0) -> Inventory:
    task = f"import sys,time\nopen({str(home / 'task.log')!r},'a').write(' '.join(sys.argv[1:])+'x\\n')\n"
    slow = task + "time.sleep(20)"
    return Inventory(
        system="shop",
        processes=(Process(name="shop", command=("true",), listen=(f"127.0.0.1:{port}",) if port else ()),),
        databases=(DatabaseOf(name="platform", url=f"sqlite:///{home}/shop.db"),),
        configs=(ConfigOf(name="platform", folder=str(home / "config")),),
        tasks={
            "tidy": (sys.executable, "-c", task + "print('{\"files\": 3}')"),
            "slow": (sys.executable, "-c", slow),
            "wrong": (sys.executable, "-c", "import sys; print('password=abc'); sys.exit(4)"),
        },
    )


def write_config(home: Path, text: str = "# kept\ngateway: primary  # which\nlimit: 5\nmore: {deep: 1}\n") -> None:
    folder = home / "config" / "versions"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "0001.yml").write_text(text)
    (home / "config" / "current").write_text("0001")


def find_alert(fingerprint: str) -> Mapping[str, Any]:
    if fingerprint != "f00d":
        raise NotFound(f"no alert {fingerprint}")
    return ALERT


@dataclass
class World:
    home: Path
    engine: RunbookEngine
    executor: ThreadPoolExecutor

    def start(self, name: str, dry_run: bool = False, who: str = "ann", **params: Any) -> RunState:
        return self.engine.run(name, params, "", dry_run, who)

    def until(self, run: str, *statuses: str, timeout: float = 20) -> RunState:
        """Waits until the run has one of these statuses."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            state = self.engine.runs.state(run)
            if state.status in statuses:
                return state
            time.sleep(0.02)
        raise AssertionError(f"{state.status} ({state.reason}), {state.steps}")


@contextmanager
def world(
    home: Path, books: Mapping[str, str], port: int = 0, metrics: str = "", now: Callable[[], float] = time.time
) -> Iterator[World]:
    """An engine over runbooks given as text; the rest of each document is filled in here."""
    folder = home / "runbooks"
    folder.mkdir(exist_ok=True)
    for name, text in books.items():
        (folder / f"{name}.yml").write_text(book(name, text))
    library = Library(folder)
    library.reload()
    inventories = {"shop": inventory(home, port)}

    def context(at: float) -> Context:
        return Context(inventories, home, metrics, home / "run" / "supervisor.sock", at)

    executor = ThreadPoolExecutor(4)
    runs = Runs(Database(home / "runbook.db", SCHEMA))
    engine = RunbookEngine(runs, library, context, find_alert, executor, now, RunFigures(CollectorRegistry()))
    try:
        yield World(home, engine, executor)
    finally:
        engine.close()
        executor.shutdown(wait=True)


def book(name: str, text: str) -> str:
    return f"name: {name}\ntitle: {{zh: 书, en: Book}}\ndescription: {{zh: 说明, en: Text}}\n{text}"


@contextmanager
def answering(status: int = 200) -> Iterator[str]:
    """A real HTTP server that answers every GET with this status."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def child(code: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A real process that has printed its first line."""
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.wait()


THIEF = """
import socket, sys, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(); print("listening", flush=True); time.sleep(300)
"""
LOCKER = """
import sqlite3, sys, time
c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute("BEGIN IMMEDIATE")
print("locked", flush=True); time.sleep(300)
"""
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
