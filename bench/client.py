"""`python -m bench.client`: a closed-loop HTTP client in a process of its own; a job as JSON in, the result as JSON out.

Each connection sends a request, waits for the answer, sends the next. Nothing but bytes, so that it costs little of the
machine that it shares with the server.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import uvloop


@dataclass(frozen=True)
class Job:
    """`requests` are whole HTTP/1.1 requests as text; those of the first `warm` seconds are not counted."""

    port: int
    requests: list[str]
    connections: int
    warm: float
    seconds: float


@dataclass(frozen=True)
class Result:
    """Answers by status (0: the connection broke), the latencies of all, how long it took, CPU seconds of the client."""

    statuses: dict[str, int]
    latencies: list[float]
    seconds: float
    warm_statuses: dict[str, int]


def drive(job: Job) -> Result:
    """Runs the job in a second process."""
    command = [sys.executable, "-m", "bench.client"]
    done = subprocess.run(command, input=json.dumps(asdict(job)), capture_output=True, text=True, check=True)
    return Result(**json.loads(done.stdout))


async def _run(job: Job) -> Result:
    pending = iter([text.encode() for text in job.requests])
    begin = time.perf_counter()
    counted = begin + job.warm
    end = counted + job.seconds
    warm: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    latencies: list[float] = []

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", job.port)
        for request in _until(pending, end):
            started = time.perf_counter()
            writer.write(request)
            status = await _answer(reader)
            now = time.perf_counter()
            if started < counted:
                warm[status] += 1
            else:
                statuses[status] += 1
                latencies.append(now - started)
            if status == "0":
                reader, writer = await asyncio.open_connection("127.0.0.1", job.port)
        writer.close()

    await asyncio.gather(*(connection() for _ in range(job.connections)))
    return Result(dict(statuses), latencies, time.perf_counter() - counted, dict(warm))


def _until(pending: Iterator[bytes], end: float) -> Iterator[bytes]:
    for request in pending:
        yield request
        if time.perf_counter() >= end:
            return


async def _answer(reader: asyncio.StreamReader) -> str:
    """The status of one answer, read to its end."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]
        await reader.readexactly(int(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return "0"
    return head[9:12].decode()


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(_run(Job(**json.load(sys.stdin)))))))
