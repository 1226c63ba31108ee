"""What the alert measurement breaks: a target with one gauge, which also receives the messages about itself."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Target:
    """`broken` is 0 or 1; remembers when a break was first scraped and when each message came."""

    def __init__(self) -> None:
        self.broken = 0
        self.scraped_at = self.told_at = 0.0
        self.firing, self.resolved = threading.Event(), threading.Event()
        self.port = 0

    def fail(self) -> float:
        """Breaks; the instant."""
        self.firing.clear()
        self.resolved.clear()
        self.scraped_at = 0.0
        self.broken = 1
        return time.time()

    def mend(self) -> None:
        self.broken = 0

    def _scraped(self) -> int:
        if self.broken and not self.scraped_at:
            self.scraped_at = time.time()
        return self.broken

    def _told(self, status: str) -> None:
        if status == "firing" and not self.firing.is_set():
            self.told_at = time.time()
            self.firing.set()
        elif status == "resolved":
            self.resolved.set()

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Listens on a free port of loopback."""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()


def _handler(target: Target) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"broken {target._scraped()}\n".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            target._told(message["status"])

        def log_message(self, *_: object) -> None:
            return

    return Handler
