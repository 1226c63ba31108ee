"""`python -m bench.scraped TARGETS SERIES`: so many /metrics pages, each on a port of its own, in one process.

Prints the ports as a JSON list; when standard input ends, prints when each target was asked, in seconds, and ends.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: %d\r\n\r\n"


class Page:
    """The page of one target: counters and gauges of which every one changes between scrapes."""

    def __init__(self, number: int, series: int) -> None:
        self.asked: list[float] = []
        self._random = random.Random(number)
        self._values = [self._random.random() * 1e6 for _ in range(series)]
        self._lines = [
            f'node_figure_{i // 10}{{cpu="{i % 10}",mode="user",device="/dev/sd{chr(97 + i % 20)}"}} '
            for i in range(series)
        ]

    def answer(self) -> bytes:
        self.asked.append(time.time())
        step = self._random.random()
        self._values = [round(value + step * (i % 7 + 1), 3) for i, value in enumerate(self._values)]
        rows = []
        for i, (line, value) in enumerate(zip(self._lines, self._values, strict=True)):
            if i % 10 == 0:
                rows.append(f"# HELP node_figure_{i // 10} A figure.\n# TYPE node_figure_{i // 10} counter")
            rows.append(f"{line}{value}")
        body = "\n".join(rows).encode() + b"\n"
        return _HEAD % len(body) + body


class Connection(asyncio.Protocol):
    """Answers each request on a connection that stays open."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._seen += data
        while b"\r\n\r\n" in self._seen:
            self._seen = self._seen.partition(b"\r\n\r\n")[2]
            self._transport.write(self._page.answer())


async def serve(targets: int, series: int) -> None:
    """Serves until standard input ends."""
    loop = asyncio.get_running_loop()
    pages = [Page(number, series) for number in range(targets)]
    ports = []
    for page in pages:
        server = await loop.create_server(lambda page=page: Connection(page), "127.0.0.1", 0)  # type: ignore[misc]
        ports.append(server.sockets[0].getsockname()[1])
    print(json.dumps(ports), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    print(json.dumps([page.asked for page in pages]), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
