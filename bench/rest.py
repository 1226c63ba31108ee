"""CPU and memory at rest: the whole product up with its traffic (5 requests/s), one minute, from /proc.

Resident memory counts pages that processes share once for each of them; proportional memory divides them.
Streamlit loads its libraries at the first visit, so the dashboards are visited first.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import aiohttp
import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg

from bench.figures import head, load, row
from tests.e2e.stack import Stack, make

_SETTLE, _SECONDS = 20, 60
_SHELL = ("metrics", "alerting", "ops")


def run() -> None:
    load()
    with tempfile.TemporaryDirectory() as folder:
        stack = make(Path(folder) / "product")
        _must(stack, "setup")
        try:
            _must(stack, "up")
            asyncio.run(_visit(stack.url(8501)))
            _measure(_processes(stack))
        finally:
            _must(stack, "down")


def _must(stack: Stack, verb: str) -> None:
    done = stack.opsctl(verb)
    if done.returncode:
        raise RuntimeError(f"opsctl {verb}: {done.stdout}{done.stderr}")


def _processes(stack: Stack) -> dict[str, psutil.Process]:
    """The shell's three first, the supervisor last."""
    found = {p["name"]: psutil.Process(p["pid"]) for p in stack.json("status")["processes"]}
    first = {name: found.pop(name) for name in _SHELL}
    supervisor = first["ops"].parent()
    return {**first, **found, **({"supervisor": supervisor} if supervisor else {})}


async def _visit(dashboards: str) -> None:
    """Opens the first page, as a browser does over its WebSocket, and stays until the page is whole."""
    page = BackMsg()
    page.rerun_script.query_string = ""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{dashboards}/_stcore/stream", protocols=("streamlit",)) as socket,
    ):
        await socket.send_bytes(page.SerializeToString())
        parts = 0
        async with asyncio.timeout(30):
            while parts < 20:
                await socket.receive_bytes()
                parts += 1
        await asyncio.sleep(2)


def _measure(processes: dict[str, psutil.Process]) -> None:
    time.sleep(_SETTLE)
    before = {name: sum(p.cpu_times()[:2]) for name, p in processes.items()}
    time.sleep(_SECONDS)
    head("process", "CPU of one core", "resident memory", "proportional memory")
    total = [0.0, 0.0, 0.0]
    for name, process in processes.items():
        share = (sum(process.cpu_times()[:2]) - before[name]) / _SECONDS
        memory = process.memory_full_info()
        total = [a + b for a, b in zip(total, (share, memory.rss, memory.pss), strict=True)]
        row(name, f"{share:.1%}", f"{memory.rss / 1e6:.0f} MB", f"{memory.pss / 1e6:.0f} MB")
    row("all", f"{total[0]:.1%}", f"{total[1] / 1e6:.0f} MB", f"{total[2] / 1e6:.0f} MB")
