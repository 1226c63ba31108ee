"""The short way to plain HTTP: answers of all lengths, kept connections, and servers that misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from opsctl.core.http_client import plain_way
from opsctl.core.http_plain import BrokenOff, CannotConnect, PlainHttp
from tests.servers import free_port


class Server:
    """Answers each request with the next of its answers; an empty one ends the connection."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.connections = 0
        self.requests: list[bytes] = []
        self.place = ("127.0.0.1", 0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while not reader.at_eof():
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            self.requests.append(head + await reader.readexactly(size))
            answer = self.answers.pop(0)
            for part in answer.split(b"|"):
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.01)
            if not answer or b"lose" in answer or answer.endswith(b"!"):
                break
        writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.place = listening.sockets[0].getsockname()[:2]
    yield made
    listening.close()


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, b"hello"),
        (b"HTTP/1.1 200 OK\r\nCont|ent-Length: 5\r\n\r|\nhel|lo", 200, b"hello"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\nno", 500, b"no"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n|2;x\r\nde\r\n0\r\n\r\n", 200, b"abcde"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nTrailer: x\r\n|\r\n", 200, b"a"),
        (b"HTTP/1.0 200 OK\r\n\r\nall of it!", 200, b"all of it!"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", 200, b"x"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"y" * 50, 200, b"y" * 20),
    ],
)
async def test_answers_of_all_forms(server: Server, answer: bytes, status: int, body: bytes) -> None:
    client = PlainHttp(20)
    server.answers = [answer]
    found = await asyncio.wait_for(client.request("POST", server.place, "/x?y=1", {"A": "b"}, b"body"), 5)
    assert (found.status, found.body) == (status, body[:20])
    head, _, sent = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /x?y=1 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert sent == b"body"
    client.close()


async def test_connections_are_kept(server: Server) -> None:
    client = PlainHttp(100)
    server.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"] * 5
    for _ in range(5):
        assert (await client.request("POST", server.place, "/", {}, b"x")).status == 200
    assert server.connections == 1
    client.close()


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-OpenSSH\r\n\r\n!", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort!", b"\xff\r\n\r\n!",
               b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n!", b"HTTP/1.1 zz\r\n\r\n!"]
)  # fmt: skip
async def test_servers_that_misbehave(server: Server, answer: bytes) -> None:
    client = PlainHttp(100)
    server.answers = [answer]
    with pytest.raises(BrokenOff):
        await asyncio.wait_for(client.request("POST", server.place, "/", {}, b"x"), 5)
    client.close()


async def test_nobody_there() -> None:
    with pytest.raises(CannotConnect):
        await PlainHttp(100).request("POST", ("127.0.0.1", free_port()), "/", {}, b"")


@pytest.mark.parametrize(
    ("url", "way"),
    [
        ("http://a.b/c?d=e", (("a.b", 80), "/c?d=e")),
        ("http://[::1]:9/", (("::1", 9), "/")),
        ("http://a", (("a", 80), "/")),
        ("https://a/", None),
        ("http://u:p@a/", None),
        ("http://a/b c", None),
        ("http://a:x/", None),
        ("http://中/", None),
    ],
)
def test_which_urls_take_it(url: str, way: object) -> None:
    assert plain_way(url) == way
