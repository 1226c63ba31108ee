"""Members over real sockets: they find each other, share at once, catch up, and tell strangers nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from opsctl.cluster.board import Board, Record
from opsctl.cluster.peer import Peer, PeerOptions
from opsctl.core.clock import SystemClock
from opsctl.core.errors import PortTaken
from tests.servers import free_port


@asynccontextmanager
async def member(name: str, port: int, *peers: int, **more: Any) -> AsyncIterator[tuple[Peer, Board, list[Record]]]:
    board, seen = Board(name), list[Record]()

    def take(records: Sequence[Record]) -> None:
        seen.extend(records)

    options = PeerOptions(
        listen=f"127.0.0.1:{port}", peers=tuple(f"127.0.0.1:{p}" for p in peers), probe_interval=0.2, **more
    )
    peer = Peer(options, board, take, SystemClock())
    await peer.start()
    try:
        yield peer, board, seen
    finally:
        await peer.stop()


async def until(true: Callable[[], Any], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "not in time"
        await asyncio.sleep(0.02)


async def test_three_find_each_other_and_share() -> None:
    ports = [free_port() for _ in range(3)]
    async with (
        member("b", ports[0]) as (one, board, _),
        member("a", ports[1], ports[0]) as (two, _, seen),
        member("c", ports[2], ports[1]) as (three, _, seen3),
    ):
        await until(lambda: all(len(p.members.alive(time.time())) == 2 for p in (one, two, three)))
        assert [p.members.position(time.time()) for p in (two, one, three)] == [0, 1, 2]
        board.write("silence", "s", {"x": 1}, time.time(), time.time() + 60)
        one.told()
        await until(lambda: seen and seen3, 1)
        assert seen[0].data == {"x": 1}
        assert await three.settled()


async def test_a_late_one_catches_up_and_what_it_knew_reaches_the_others() -> None:
    ports, now = [free_port() for _ in range(2)], time.time()
    async with member("a", ports[0]) as (_, board, seen):
        board.write("told", "early", 1, now, now + 60)
        board.taken()
        async with member("b", ports[1], ports[0]) as (late, other, known):
            other.load(Record("silence", "mine", now, "b", now + 60, 2))
            assert await late.settled()
            assert [r.key for r in known] == ["early"]
            await until(lambda: [r.key for r in seen] == ["mine"])
            assert board.digest == other.digest


async def test_one_that_goes_is_missed_and_one_that_comes_back_is_found() -> None:
    ports = [free_port() for _ in range(2)]
    async with member("a", ports[0], ports[1]) as (stays, _, _):
        async with member("b", ports[1]):
            await until(lambda: stays.members.alive(time.time()))
        await until(lambda: not stays.members.alive(time.time()), 8)
        async with member("c", ports[1]):
            await until(lambda: [m.name for m in stays.members.alive(time.time())] == ["c"])


async def test_alone_among_the_dead_it_goes_on() -> None:
    async with member("a", free_port(), free_port(), settle_timeout=0.5) as (peer, _, _):
        assert not await peer.settled()
        assert peer.fresh()


async def test_strangers_are_told_nothing() -> None:
    port = free_port()
    async with member("a", port, key=b"k", label="x") as (peer, board, _), aiohttp.ClientSession() as session:
        board.write("silence", "s", 1, time.time(), time.time() + 60)
        for body in (b"", b"{}", b'{"name": "z", "whole": true, "label": "x"}'):
            async with session.post(f"http://127.0.0.1:{port}/cluster/v1/word", data=body) as answer:
                assert answer.status == 403
        async with member("b", free_port(), port, key=b"k", label="y", settle_timeout=0.5) as (other, _, seen):
            assert not await other.settled()
            assert not seen
        assert not peer.members.alive(time.time())


async def test_a_taken_port_is_named() -> None:
    port = free_port()
    async with member("a", port):
        with pytest.raises(PortTaken, match=str(port)):
            async with member("b", port):
                pass
