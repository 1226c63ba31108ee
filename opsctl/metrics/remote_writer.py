"""Empties an outgoing buffer into a remote-write receiver: several requests at once, the samples of a series in order."""

from __future__ import annotations

import asyncio

from opsctl.core.clock import Clock
from opsctl.core.http_client import HttpClient
from opsctl.core.log import Log
from opsctl.metrics.outgoing import Outgoing, Parcel
from opsctl.metrics.remote_figures import BUFFER, TOO_OLD, RemoteFigures
from opsctl.metrics.remote_metadata import Known, encoded_metadata
from opsctl.metrics.remote_post import Again, Outcome, Remote, Taken, post
from opsctl.metrics.remote_protocol import entries, packed, samples_of
from opsctl.metrics.sharding import Piece, shards_wanted, split

LOG = Log("opsctl.metrics")
_MOST_PIECES = 100


def _halves(parts: list[bytes]) -> list[list[bytes]]:
    middle = len(parts) // 2
    return [parts[:middle], parts[middle:]] if middle else []


class RemoteWriter:
    """Sends what is in the buffer, oldest first: at least once, again until it is taken or refused for good.

    `known`: the metadata that is sent now and then.
    """

    def __init__(
        self, remote: Remote, outgoing: Outgoing, clock: Clock, figures: RemoteFigures, known: Known = tuple
    ) -> None:
        self.remote, self._outgoing, self._clock, self._figures, self._known = remote, outgoing, clock, figures, known
        self._lost = outgoing.lost
        self._tasks: list[asyncio.Task[None]] = []
        self._client: HttpClient | None = None
        self.error = ""
        figures.begin(remote.by)
        for gauge, value in (
            (figures.shards, remote.min_shards), (figures.shards_desired, remote.min_shards),
            (figures.shards_min, remote.min_shards), (figures.shards_max, remote.max_shards),
            (figures.capacity, remote.capacity), (figures.most_samples, remote.most_samples),
        ):  # fmt: skip
            gauge.labels(*remote.by).set(value)

    def start(self) -> None:
        self._client = HttpClient()
        self._tasks = [asyncio.create_task(self._loop())]
        if self.remote.metadata_every:
            self._tasks.append(asyncio.create_task(self._metadata_loop()))

    async def stop(self) -> None:
        """Ends the loops; what waits is sent after the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.close()

    async def _loop(self) -> None:
        tick = min(0.1, self.remote.deadline or 0.1)
        waited = 0.0
        while True:
            try:
                self._note()
                full = self._outgoing.waiting >= self.remote.most_samples
                if not self._outgoing.waiting or (not full and waited < self.remote.deadline):
                    waited = waited + tick if self._outgoing.waiting else 0.0
                    await self._clock.sleep(tick)
                    continue
                waited = 0.0
                await self._send_part()
            except Exception as error:
                self._figures.loop_failures.inc()
                LOG.error("remote_write.loop_failed", exc=error, remote=self.remote.name)
                await self._clock.sleep(1.0)

    async def _send_part(self) -> None:
        remote = self.remote
        wanted = -(-self._outgoing.waiting // remote.most_samples)
        shards = shards_wanted(self._outgoing.waiting, remote.most_samples, remote.min_shards, remote.max_shards)
        self._figures.shards_desired.labels(*remote.by).set(wanted)
        self._figures.shards.labels(*remote.by).set(shards)
        oldest = int((self._clock.now() - remote.age_limit) * 1000) if remote.age_limit else 0
        parcel = await asyncio.to_thread(self._outgoing.take, remote.most_samples * shards, oldest)
        if parcel is not None:
            await self._deliver(parcel, shards)

    async def _deliver(self, parcel: Parcel, shards: int) -> None:
        """One parcel until all of it is taken or refused for good."""
        await asyncio.to_thread(self._outgoing.begin, parcel)
        self._figures.dropped.labels(*self.remote.by, TOO_OLD).inc(parcel.expired)
        if parcel.samples:
            most = self.remote.most_samples
            lanes = await asyncio.to_thread(split, parcel.request, parcel.samples, shards, most)
            async with asyncio.TaskGroup() as group:
                for lane in lanes:
                    group.create_task(self._send_lane(lane))
            self._figures.sent_at.labels(*self.remote.by).set(parcel.newest_ms / 1000)
        await asyncio.to_thread(self._outgoing.done, parcel)

    async def _send_lane(self, pieces: tuple[Piece, ...]) -> None:
        for piece in pieces:
            await self._send_piece(piece)

    async def _send_piece(self, piece: Piece) -> None:
        by, body, backoff = self.remote.by, packed(piece.request), self.remote.min_backoff
        while isinstance(result := await self._post(body), Again):
            self._figures.retried.labels(*by).inc(piece.samples)
            self._tell(result.reason, piece.samples)
            self._note()
            await self._clock.sleep(result.after or backoff)
            backoff = min(2 * backoff, self.remote.max_backoff)
        if isinstance(result, Taken):
            self.error = ""
            self._figures.sent.labels(*by).inc(piece.samples)
            self._figures.bytes.labels(*by).inc(len(body))
        else:
            self._tell(result.reason, piece.samples)
            saved = await self._piecewise(piece)
            self._figures.sent.labels(*by).inc(saved)
            self._figures.failed.labels(*by).inc(piece.samples - saved)

    async def _piecewise(self, piece: Piece) -> int:
        """The samples saved of a refused request by sending its halves, down to what is refused itself.

        A Prometheus keeps nothing of a request with one bad sample. Bounded: most of a request that is bad all over
        is given up after a few requests.
        """
        saved, budget, waiting = 0, _MOST_PIECES, _halves(entries(piece.request))
        while waiting and budget:
            part, budget = waiting.pop(0), budget - 1
            result = await self._post(packed(b"".join(part)))
            if isinstance(result, Again):
                waiting.insert(0, part)
                await self._clock.sleep(result.after or self.remote.max_backoff)
            elif isinstance(result, Taken):
                saved += sum(samples_of(entry) for entry in part)
            else:
                waiting = _halves(part) + waiting
        return saved

    async def _metadata_loop(self) -> None:
        while True:
            await self._clock.sleep(self.remote.metadata_every)
            try:
                for request, count in encoded_metadata(self._known(), self.remote.metadata_most):
                    await self._send_metadata(packed(request), count)
            except Exception as error:
                self._figures.loop_failures.inc()
                LOG.error("remote_write.metadata_failed", exc=error, remote=self.remote.name)

    async def _send_metadata(self, body: bytes, count: int) -> None:
        by, backoff = self.remote.by, self.remote.min_backoff
        while isinstance(result := await self._post(body), Again):
            self._figures.metadata_retried.labels(*by).inc(count)
            await self._clock.sleep(result.after or backoff)
            backoff = min(2 * backoff, self.remote.max_backoff)
        if isinstance(result, Taken):
            self._figures.metadata.labels(*by).inc(count)
            self._figures.metadata_bytes.labels(*by).inc(len(body))
        else:
            self._tell(result.reason, 0)
            self._figures.metadata_failed.labels(*by).inc(count)

    async def _post(self, body: bytes) -> Outcome:
        assert self._client is not None
        began = self._clock.now()
        result = await post(self._client, self.remote, body, self._clock)
        self._figures.took.labels(*self.remote.by).observe(self._clock.now() - began)
        return result

    def _tell(self, reason: str, samples: int) -> None:
        """Logs each new reason once."""
        if reason != self.error:
            LOG.warning("remote_write.failed", remote=self.remote.name, samples=samples, error=reason)
        self.error = reason

    def _note(self) -> None:
        by = self.remote.by
        self._figures.pending.labels(*by).set(self._outgoing.waiting)
        self._figures.buffer.labels(*by).set(self._outgoing.size)
        self._figures.came_at.set(self._outgoing.newest_ms / 1000)
        lost = self._outgoing.lost - self._lost
        self._lost += lost
        self._figures.dropped.labels(*by, BUFFER).inc(lost)
