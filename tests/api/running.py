"""Runs opsctl prometheus and Debian's Prometheus on targets of our own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

from tests.servers import free_port, http_ok, need, started


class Target:
    """A /metrics page in a thread; `text` is what it says, `posts` the JSON lists sent to it while `status` is 200."""

    def __init__(self) -> None:
        self.text = ""
        self.posts: list[Any] = []
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = outer.text.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if outer.status == 200:
                    outer.posts += json.loads(body)
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass(frozen=True)
class Server:
    """A running server with Prometheus' API."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def get(self, path: str, **params: Any) -> requests.Response:
        return requests.get(f"{self.url}{path}", params=params, timeout=20)

    def data(self, path: str, **params: Any) -> Any:
        answer = self.get(f"/api/v1/{path}", **params)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def value(self, expr: str) -> float | None:
        """The one value of an expression now, or None."""
        result = self.data("query", query=expr)["result"]
        return float(result[0]["value"][1]) if result else None


@contextmanager
def opsctl(folder: Path, config: Path, *flags: str) -> Iterator[Server]:
    """opsctl prometheus on a free port, its store in `folder`."""
    port = free_port()
    command = [
        sys.executable, "-m", "opsctl", "prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}",
        f"--web.listen-address=127.0.0.1:{port}", "--web.enable-lifecycle", *flags,
    ]  # fmt: skip
    with _running(command, port, folder.with_name("opsctl.log")) as server:
        yield server


@contextmanager
def prometheus(folder: Path, config: Path, *flags: str) -> Iterator[Server]:
    """Debian's Prometheus on a free port."""
    port = free_port()
    command = [
        str(need("prometheus")), f"--config.file={config}", f"--storage.tsdb.path={folder}",
        f"--web.listen-address=127.0.0.1:{port}", "--web.enable-lifecycle", *flags,
    ]  # fmt: skip
    with _running(command, port, folder.with_name("prometheus.log")) as server:
        yield server


@contextmanager
def _running(command: list[str], port: int, log: Path) -> Iterator[Server]:
    url = f"http://127.0.0.1:{port}"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OPSCTL_")}
    with started(command, lambda: http_ok(f"{url}/-/ready") or _asks_who(url), log, env=environment) as process:
        yield Server(url, process, log)


def _asks_who(url: str) -> bool:
    """Whether it answers, but wants a name and a password."""
    try:
        return requests.get(url, timeout=1).status_code == 401
    except requests.RequestException:
        return False
