"""HTTP/1.1 over plain TCP with connections kept open: for the many small posts of a busy hour. Nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

_HEAD_MOST = 65_536


class CannotConnect(Exception):
    """Nobody listens there, or the name resolves to nothing; the request has not left."""


class BrokenOff(ConnectionError):
    """The connection ended before the answer did, or what came is no HTTP; the request may have been taken."""


@dataclass(frozen=True)
class Answer:
    """A status and the first bytes of the body."""

    status: int
    body: bytes


class PlainHttp:
    """A pool of connections by (host, port). `most`: bytes of an answer's body that are of interest."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._idle: dict[tuple[str, int], list[_Link]] = {}

    async def request(
        self, method: str, place: tuple[str, int], target: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """One request. Raises CannotConnect, BrokenOff; a cancelled one costs its connection."""
        link = await self._link(place)
        try:
            answer = await link.ask(_written(method, target, place, headers, body), self._most)
        except BaseException:
            link.close()
            raise
        if link.open:
            self._idle.setdefault(place, []).append(link)
        return answer

    def close(self) -> None:
        for links in self._idle.values():
            for link in links:
                link.close()
        self._idle.clear()

    async def _link(self, place: tuple[str, int]) -> _Link:
        idle = self._idle.get(place, [])
        while idle:
            link = idle.pop()
            if link.open:
                return link
        try:
            _, link = await asyncio.get_running_loop().create_connection(_Link, *place)
        except OSError as error:
            raise CannotConnect(error.strerror or str(error)) from error
        return link


def _written(method: str, target: str, place: tuple[str, int], headers: Mapping[str, str], body: bytes) -> bytes:
    host, port = place
    name = f"[{host}]" if ":" in host else host
    lines = [f"{method} {target} HTTP/1.1", f"Host: {name}" if port == 80 else f"Host: {name}:{port}"]
    lines += [f"{key}: {value}" for key, value in headers.items()]
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


class _Link(asyncio.Protocol):
    """One connection: one question at a time."""

    def __init__(self) -> None:
        self.open = False
        self._data = bytearray()
        self._answer: asyncio.Future[Answer] | None = None
        self._most = 0
        self._head: tuple[int, dict[bytes, bytes]] | None = None

    async def ask(self, request: bytes, most: int) -> Answer:
        self._answer, self._most, self._head = asyncio.get_running_loop().create_future(), most, None
        self._data.clear()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        self.open = False
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self.open = transport, True

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        if self._head is not None and self._ends_with_connection():
            self._done(bytes(self._data))
        elif self._answer is not None and not self._answer.done():
            self._answer.set_exception(BrokenOff("the answer broke off: the connection ended"))

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            self.close()  # nobody asked
            return
        self._data += data
        try:
            while self._head is None and (end := self._data.find(b"\r\n\r\n")) >= 0:
                self._head = _head(bytes(self._data[:end]))
                del self._data[: end + 4]
                if 100 <= self._head[0] < 200:  # an interim answer
                    self._head = None
            if self._head is None and len(self._data) > _HEAD_MOST:
                raise BrokenOff("the answer's head is too long")
            if self._head is not None:
                self._read_body(*self._head)
        except (ValueError, BrokenOff) as error:
            self.close()
            self._answer.set_exception(BrokenOff(str(error)))

    def _read_body(self, status: int, headers: dict[bytes, bytes]) -> None:
        if status in (204, 304):
            self._done(b"")
            return
        body, whole = bytes(self._data), False
        if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
            body, whole = _unchunked(body)
        elif not self._ends_with_connection():
            whole = len(body) >= int(headers.get(b"content-length", b"0"))
        if whole or len(body) >= self._most:
            self._done(body)
        if not whole and len(body) >= self._most:
            self.close()  # the rest is of no interest

    def _ends_with_connection(self) -> bool:
        if self._head is None or self._head[0] in (204, 304):
            return False
        headers = self._head[1]
        return b"content-length" not in headers and b"transfer-encoding" not in headers

    def _done(self, body: bytes) -> None:
        assert self._head is not None
        if self._head[1].get(b"connection", b"").lower() == b"close" or self._head[1].get(b"") == b"HTTP/1.0":
            self.open = False
            self._transport.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(Answer(self._head[0], body[: self._most]))


def _head(raw: bytes) -> tuple[int, dict[bytes, bytes]]:
    """Status and headers, names in lower case; under b'' the version. Raises ValueError."""
    first, *lines = raw.split(b"\r\n")
    version, _, rest = first.partition(b" ")
    if not version.startswith(b"HTTP/1."):
        raise ValueError("the answer is no HTTP/1")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
    return int(rest[:3]), {**headers, b"": version}


def _unchunked(data: bytes) -> tuple[bytes, bool]:
    """What has come of a chunked body, and whether that is all. Raises ValueError."""
    parts: list[bytes] = []
    at = 0
    while (end := data.find(b"\r\n", at)) >= 0:
        size = int(data[at:end].partition(b";")[0], 16)
        if size <= 0:
            return b"".join(parts), data.find(b"\r\n\r\n", end) >= 0
        parts.append(data[end + 2 : end + 2 + size])
        at = end + 2 + size + 2
    return b"".join(parts), False
