"""Empties an outgoing buffer into a remote-write receiver: one loop, one request at a time, so that order is kept."""

from __future__ import annotations

import asyncio
import email.utils
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
from prometheus_client import CollectorRegistry, Counter, Gauge, Summary

from opsctl.core.clock import Clock
from opsctl.core.errors import OpsctlError
from opsctl.core.http_client import HttpClient
from opsctl.core.http_settings import HttpSettings
from opsctl.core.log import Log
from opsctl.metrics.outgoing import Outgoing, Parcel
from opsctl.metrics.remote_protocol import entries, packed, samples_of

LOG = Log("opsctl.metrics")
_LONGEST_WAIT = 3600.0
_MOST_PIECES = 100


@dataclass(frozen=True, kw_only=True)
class Remote:
    """Where and how to write. Times in seconds. Files in `settings` are relative to `root`."""

    name: str
    url: str
    timeout: float = 30.0
    headers: Mapping[str, str] = field(default_factory=dict)
    settings: HttpSettings = field(default_factory=HttpSettings)
    root: str = ""
    most_samples: int = 2000
    deadline: float = 5.0
    min_backoff: float = 0.03
    max_backoff: float = 5.0


@dataclass(frozen=True, slots=True)
class Taken:
    """The receiver has it."""


@dataclass(frozen=True, slots=True)
class Again:
    """To be tried again, after so many seconds if the receiver said so."""

    reason: str
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Never:
    """The receiver will not take it."""

    reason: str


Outcome = Taken | Again | Never


def outcome(status: int, text: str, retry_after: str, now: float) -> Outcome:
    """What an answer means. Source: the specification's retry rules; 429 is retried as it says."""
    if status // 100 == 2:
        return Taken()
    reason = f"HTTP {status}: {text.strip()[:200]}"
    if status // 100 == 5 or status == 429:
        return Again(reason, _seconds(retry_after, now))
    return Never(reason)


def _seconds(text: str, now: float) -> float:
    """Retry-After: seconds, or a date."""
    if text.strip().isdigit():
        return min(float(text), _LONGEST_WAIT)
    try:
        until = email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError):
        return 0.0
    return min(max(0.0, until - now), _LONGEST_WAIT)


def _halves(parts: list[bytes]) -> list[list[bytes]]:
    middle = len(parts) // 2
    return [parts[:middle], parts[middle:]] if middle else []


class RemoteFigures:
    """Under Prometheus' names."""

    def __init__(self, registry: CollectorRegistry) -> None:
        by = ["remote_name", "url"]

        def counter(name: str, text: str) -> Counter:
            return Counter(f"prometheus_remote_storage_{name}", text, by, registry=registry)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"prometheus_remote_storage_{name}", text, by, registry=registry)

        self.sent = counter("samples", "Samples sent.")
        self.failed = counter("samples_failed", "Samples that the receiver refused for good.")
        self.retried = counter("samples_retried", "Samples sent again after a failure.")
        self.dropped = counter("samples_dropped", "Samples lost before sending: buffer or disk full.")
        self.bytes = counter("bytes", "Compressed bytes sent.")
        self.pending = gauge("samples_pending", "Samples waiting in the buffer.")
        self.buffer = gauge("buffer_bytes", "Bytes of the buffer's files.")
        self.shards = gauge("shards", "Requests at once.")
        self.sent_at = gauge("queue_highest_sent_timestamp_seconds", "Newest sample sent.")
        self.came_at = Gauge(
            "prometheus_remote_storage_highest_timestamp_in_seconds", "Newest sample to be sent.", registry=registry
        )
        self.took = Summary(
            "prometheus_remote_storage_sent_batch_duration_seconds", "Time of requests.", by, registry=registry
        )
        self.loop_failures = Counter(
            "opsctl_remote_write_loop_failures", "Unexpected errors caught by a sending loop.", registry=registry
        )


class RemoteWriter:
    """Sends what is in the buffer, oldest first: at least once, again until it is taken or refused for good."""

    def __init__(self, remote: Remote, outgoing: Outgoing, clock: Clock, figures: RemoteFigures) -> None:
        self.remote, self._outgoing, self._clock, self._figures = remote, outgoing, clock, figures
        self._by = (remote.name, remote.url)
        self._lost = 0
        self._task: asyncio.Task[None] | None = None
        self._client: HttpClient | None = None
        self._figures.shards.labels(*self._by).set(1)
        for family in (figures.sent, figures.failed, figures.retried, figures.dropped, figures.bytes):
            family.labels(*self._by).inc(0)
        self.error = ""

    def start(self) -> None:
        self._client = HttpClient()
        self._task = asyncio.create_task(self._loop())

    async def stop(self) -> None:
        """Ends the loop; what waits is sent after the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
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
                parcel = await asyncio.to_thread(self._outgoing.take, self.remote.most_samples)
                if parcel is not None:
                    await self._deliver(parcel)
            except Exception as error:
                self._figures.loop_failures.inc()
                LOG.error("remote_write.loop_failed", exc=error, remote=self.remote.name)
                await self._clock.sleep(1.0)

    async def _deliver(self, parcel: Parcel) -> None:
        """One parcel until it is taken or refused for good."""
        await asyncio.to_thread(self._outgoing.begin, parcel)
        body, backoff = packed(parcel.request), self.remote.min_backoff
        while isinstance(result := await self._post(body), Again):
            self._figures.retried.labels(*self._by).inc(parcel.samples)
            self._tell(result.reason, parcel)
            self._note()
            await self._clock.sleep(result.after or backoff)
            backoff = min(2 * backoff, self.remote.max_backoff)
        if isinstance(result, Taken):
            self.error = ""
            self._figures.sent.labels(*self._by).inc(parcel.samples)
            self._figures.bytes.labels(*self._by).inc(len(body))
            self._figures.sent_at.labels(*self._by).set(parcel.newest_ms / 1000)
        else:
            self._tell(result.reason, parcel)
            saved = await self._piecewise(parcel)
            self._figures.sent.labels(*self._by).inc(saved)
            self._figures.failed.labels(*self._by).inc(parcel.samples - saved)
        await asyncio.to_thread(self._outgoing.done, parcel)

    async def _piecewise(self, parcel: Parcel) -> int:
        """The samples saved of a refused parcel by sending its halves, down to what is refused itself.

        A Prometheus keeps nothing of a request with one bad sample. Bounded: most of a request that is bad all over
        is given up after a few requests.
        """
        saved, budget, waiting = 0, _MOST_PIECES, _halves(entries(parcel.request))
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

    async def _post(self, body: bytes) -> Outcome:
        assert self._client is not None
        began = self._clock.now()
        try:
            headers = {
                **self.remote.headers, "Content-Encoding": "snappy", "Content-Type": "application/x-protobuf",
                "X-Prometheus-Remote-Write-Version": "0.1.0",
            }  # fmt: skip
            async with (
                asyncio.timeout(self.remote.timeout),
                self._client.request(
                    "POST", self.remote.url, self.remote.settings, self.remote.root, headers, body
                ) as answer,
            ):
                text = (await answer.content.read(1000)).decode(errors="replace")
                retry_after = answer.headers.get("Retry-After", "")
                return outcome(answer.status, text, retry_after, self._clock.now())
        except (aiohttp.ClientError, OSError, TimeoutError, OpsctlError) as error:
            return Again(str(error) or "no answer in time")
        finally:
            self._figures.took.labels(*self._by).observe(self._clock.now() - began)

    def _tell(self, reason: str, parcel: Parcel) -> None:
        """Logs each new reason once."""
        if reason != self.error:
            LOG.warning("remote_write.failed", remote=self.remote.name, samples=parcel.samples, error=reason)
        self.error = reason

    def _note(self) -> None:
        self._figures.pending.labels(*self._by).set(self._outgoing.waiting)
        self._figures.buffer.labels(*self._by).set(self._outgoing.size)
        self._figures.came_at.set(self._outgoing.newest_ms / 1000)
        lost = self._outgoing.lost - self._lost
        self._lost += lost
        self._figures.dropped.labels(*self._by).inc(lost)
