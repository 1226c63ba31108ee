"""serve: ready line, graceful end, reload, a taken port named with its setting."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from opsctl.core.errors import PortTaken
from opsctl.serve import listen

_PROGRAM = """
import asyncio, sys
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from opsctl.core.errors import UsageError
from pathlib import Path
from opsctl.core.log import configure
from opsctl.serve import serve

configure("echo", Path("echo.log"))

class Echo:
    def __init__(self):
        self.reloads = 0
        self.asgi = Starlette(routes=[Route("/", lambda r: PlainTextResponse(str(self.reloads)))])
    async def start(self): print("started", flush=True)
    async def stop(self): print("stopped", flush=True)
    def reload(self):
        self.reloads += 1
        if self.reloads > 1:
            raise UsageError("the file is bad")

serve(Echo(), "127.0.0.1:0", "listen.echo")
"""


def _ask(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return str(answer.read().decode())


def _until(url: str, wanted: str) -> None:
    end = time.monotonic() + 5
    while _ask(url) != wanted:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_process_says_ready_reloads_and_ends_in_order(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    assert child.stderr is not None
    ready = child.stderr.readline()
    assert ready.startswith("opsctl echo ready on http://127.0.0.1:")
    url = ready.split()[-1] + "/"
    assert _ask(url) == "0"
    os.kill(child.pid, signal.SIGHUP)
    _until(url, "1")
    os.kill(child.pid, signal.SIGHUP)
    assert "reload refused, the old documents stay in force: the file is bad" in child.stderr.readline()
    _until(url, "2")
    child.terminate()
    out, _ = child.communicate(timeout=10)
    assert child.returncode == 0
    assert out.split() == ["started", "stopped"]


def test_a_taken_port_is_named_with_its_setting() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        with pytest.raises(PortTaken) as caught:
            listen(f"127.0.0.1:{holder.getsockname()[1]}", "listen.metrics")
    assert "listen.metrics" in caught.value.hint


async def test_answers_do_not_wait_for_the_reader_to_acknowledge_their_head() -> None:
    """Without TCP_NODELAY each answer on a kept connection comes 40 ms late."""
    seen: list[int] = []

    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async with await asyncio.start_server(accept, sock=listen("127.0.0.1:0", "x")) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await reader.read()
        writer.close()
    assert seen == [1]
