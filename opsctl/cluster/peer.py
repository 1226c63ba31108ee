"""One member at work: it answers the others, asks them each second, and tells them what is new at once.

Boards are compared by their digest with every question; where they differ, both give all they have (a second apart, or
a millisecond a record). So what a lost message carried arrives a little later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from opsctl.cluster.board import Board, Record
from opsctl.cluster.members import Member, Members
from opsctl.cluster.wire import MOST_BYTES, SIGNATURE, Word, is_signed, packed, signature, unpacked
from opsctl.core.clock import Clock
from opsctl.core.errors import PortTaken
from opsctl.core.log import Log

LOG = Log("opsctl.cluster")
_GATHER_SECONDS = 0.01
_STALE_SECONDS = 3.0


@dataclass(frozen=True, kw_only=True)
class PeerOptions:
    """Times in seconds. `advertise`: where others find us, '' for where we listen; `key` '' for unsigned words."""

    listen: str
    advertise: str = ""
    peers: tuple[str, ...] = ()
    label: str = ""
    key: bytes = b""
    probe_interval: float = 1.0
    probe_timeout: float = 0.5
    reconnect_interval: float = 10.0
    reconnect_timeout: float = 6 * 3600.0
    settle_timeout: float = 60.0


class Peer:
    """Shares one board. `on_records` gets what others have written, in the order of arrival."""

    def __init__(
        self, options: PeerOptions, board: Board, on_records: Callable[[Sequence[Record]], None], clock: Clock
    ) -> None:
        self._options, self._board, self._on_records, self._clock = options, board, on_records, clock
        self.members = Members(board.me, "", ())
        self.sent = self.received = self.failed = 0
        self._looked = clock.now()
        self._whole_after: dict[str, float] = {}
        self._caught_up = not options.peers
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._flights: set[asyncio.Task[bool]] = set()
        self._news = asyncio.Event()

    async def start(self) -> None:
        """Listens and begins to ask. Raises PortTaken."""
        app = web.Application(client_max_size=MOST_BYTES)
        app.router.add_post("/cluster/v1/word", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        host, _, port = self._options.listen.rpartition(":")
        try:
            await web.TCPSite(self._runner, host.strip("[]") or "0.0.0.0", int(port)).start()
        except OSError as error:
            await self._runner.cleanup()
            raise PortTaken(
                f"cannot listen on {self._options.listen}: {error.strerror}", "another --cluster.listen-address"
            ) from error
        bound = f"{host or '0.0.0.0'}:{self._runner.addresses[0][1]}"
        self.members = Members(self._board.me, self._options.advertise or bound, self._options.peers)
        self._session = aiohttp.ClientSession(trust_env=False)
        self._tasks = [asyncio.create_task(self._ask_all()), asyncio.create_task(self._tell_news())]

    async def stop(self) -> None:
        """Tells what is new, then leaves."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        news = self._board.taken()
        if news and self._session is not None:
            await self._tell(news)
        for flight in self._flights:
            flight.cancel()
        if self._session is not None:
            await self._session.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def address(self) -> str:
        return self.members.address

    def told(self) -> None:
        """There is something in the board's outbox."""
        self._news.set()

    def fresh(self) -> bool:
        """Whether we know what the others know: false after we stood still, until somebody has answered again."""
        if self._clock.now() - self._looked > _STALE_SECONDS + self._options.probe_interval:
            self._caught_up = False
        return self._caught_up

    async def settled(self) -> bool:
        """Waits until somebody has answered, or the time for that is over; whether anybody has."""
        end = self._clock.now() + self._options.settle_timeout
        while not self._caught_up and self._clock.now() < end:
            await self._clock.sleep(0.02)
        found, self._caught_up = self._caught_up, True
        return found

    # -- asking
    async def _ask_all(self) -> None:
        while True:
            now, options = self._clock.now(), self._options
            if now - self._looked > _STALE_SECONDS + options.probe_interval:
                self._caught_up = False
            asked = self.members.to_ask(
                now, options.probe_interval, options.reconnect_interval, options.reconnect_timeout
            )
            answers = [self._fly(self._ask(m)) for m in asked]
            if answers:
                await asyncio.wait(answers, timeout=options.probe_timeout)
            after = self._clock.now()
            if not self.members.alive(after) and self._looked < now and not self._first_seconds(after):
                self._caught_up = True  # nobody is there whom we could ask
            self._looked = after
            self._board.forget(after)
            await self._clock.sleep(max(0.05, options.probe_interval - (after - now)))

    def _first_seconds(self, now: float) -> bool:
        return any(m.first_failed is None or now - m.first_failed < _STALE_SECONDS for m in self.members.others())

    def _fly(self, call: object) -> asyncio.Task[bool]:
        flight: asyncio.Task[bool] = asyncio.create_task(call)  # type: ignore[arg-type]
        self._flights.add(flight)
        flight.add_done_callback(self._flights.discard)
        return flight

    async def _ask(self, member: Member) -> bool:
        """Compares boards with one member; where they differ both give all."""
        answer = await self._call(member.address, self._word(), self._options.probe_timeout)
        if answer is None:
            return False
        now = self._clock.now()
        if answer.digest != self._board.digest and now >= self._whole_after.get(member.address, 0.0):
            self._whole_after[member.address] = now + max(self._options.probe_interval, len(self._board) * 1e-3)
            whole = self._word(tuple(self._board), whole=True)
            answer = await self._call(member.address, whole, 10.0)
            if answer is None:
                return False
        self._caught_up = True
        return True

    # -- telling
    async def _tell_news(self) -> None:
        while True:
            await self._news.wait()
            await self._clock.sleep(_GATHER_SECONDS)
            self._news.clear()
            news = self._board.taken()
            if news:
                await self._tell(news)

    async def _tell(self, news: Sequence[Record]) -> None:
        alive = self.members.alive(self._clock.now())
        flights = [self._fly(self._tell_one(m.address, news)) for m in alive]
        if flights:
            await asyncio.wait(flights, timeout=self._options.probe_timeout)

    async def _tell_one(self, address: str, news: Sequence[Record]) -> bool:
        return await self._call(address, self._word(tuple(news)), 5.0) is not None

    # -- both
    async def _call(self, address: str, word: Word, seconds: float) -> Word | None:
        assert self._session is not None
        body, now = packed(word), self._clock.now()
        headers = {SIGNATURE: signature(self._options.key, body), "Content-Type": "application/json"}
        try:
            async with self._session.post(
                f"http://{address}/cluster/v1/word", data=body, headers=headers,
                timeout=aiohttp.ClientTimeout(total=seconds),
            ) as reply:  # fmt: skip
                raw = await reply.read()
                if reply.status != 200 or not is_signed(self._options.key, raw, reply.headers.get(SIGNATURE, "")):
                    raise ValueError(f"HTTP {reply.status}")
                answer = unpacked(raw)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            self.failed += 1
            self.members.failed(address, now)
            LOG.debug("cluster.no_answer", member=address, reason=str(error) or type(error).__name__)
            return None
        self.sent += 1
        self._hear(address, answer)
        return answer

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        if not is_signed(self._options.key, body, request.headers.get(SIGNATURE, "")):
            return web.Response(status=403, text="the signature does not fit\n")
        try:
            word = unpacked(body)
        except ValueError as error:
            return web.Response(status=400, text=f"{error}\n")
        if word.label != self._options.label:
            return web.Response(status=403, text="another cluster's label\n")
        self.received += 1
        self._hear(word.address, word)
        reply = packed(self._word(tuple(self._board) if word.whole else (), whole=word.whole))
        return web.Response(
            body=reply, content_type="application/json", headers={SIGNATURE: signature(self._options.key, reply)}
        )

    def _word(self, records: tuple[Record, ...] = (), whole: bool = False) -> Word:
        members = tuple(m.address for m in self.members.others())
        return Word(
            self._board.me, self.address, self._options.label, self._board.digest, members, records, whole
        )  # fmt: skip

    def _hear(self, address: str, word: Word) -> None:
        now = self._clock.now()
        if self.members.heard(address, word.name, now):
            LOG.info("cluster.member", address=address, name=word.name)
        self.members.learn(word.members)
        self._take(word.records, now)

    def _take(self, records: Iterable[Record], now: float) -> None:
        new = self._board.merge(records, now)
        if new:
            self._on_records(new)
