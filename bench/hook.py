"""A webhook that costs next to nothing: counts the alerts it is told of, and when, on a thread of its own."""

from __future__ import annotations

import asyncio
import threading
import time

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_ONE_ALERT = b'"fingerprint"'


class Hook:
    """`told`: (when, alerts in the message) for each message."""

    def __init__(self) -> None:
        self.told: list[tuple[float, int]] = []
        self.alerts, self._wanted = 0, 0
        self._enough = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self.port = 0
        threading.Thread(target=self._serve, daemon=True).start()
        self._ready.wait(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def expect(self, alerts: int) -> None:
        """Forgets what came; `wait` is for so many alerts from now on."""
        self.told, self.alerts, self._wanted = [], 0, alerts
        self._enough.clear()

    def wait(self, seconds: float) -> float:
        """When the last of the expected alerts came. Raises RuntimeError when they do not come."""
        if not self._enough.wait(seconds):
            raise RuntimeError(f"{self.alerts} of {self._wanted} alerts within {seconds:g} s")
        return self.told[-1][0]

    def took(self, alerts: int) -> None:
        self.told.append((time.time(), alerts))
        self.alerts += alerts
        if self._wanted and self.alerts >= self._wanted:
            self._enough.set()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, backlog=4096)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()


class _Connection(asyncio.Protocol):
    def __init__(self, hook: Hook) -> None:
        self._hook, self._data = hook, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end].lower()
            at = head.find(b"content-length:")
            size = int(head[at + 15 : head.find(b"\r\n", at) if head.find(b"\r\n", at) > 0 else None]) if at >= 0 else 0
            if len(self._data) < end + 4 + size:
                return
            body, self._data = self._data[end + 4 : end + 4 + size], self._data[end + 4 + size :]
            self._transport.write(_ANSWER)
            self._hook.took(body.count(_ONE_ALERT))
