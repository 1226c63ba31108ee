"""samples → the outgoing buffer of each remote → its receiver."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from opsctl.core.clock import Clock
from opsctl.metrics.forward import Forward
from opsctl.metrics.outgoing import Outgoing
from opsctl.metrics.remote_figures import DROPPED_SERIES, RemoteFigures
from opsctl.metrics.remote_metadata import Known
from opsctl.metrics.remote_post import Remote
from opsctl.metrics.remote_writer import RemoteWriter
from opsctl.metrics.storage import Appended, Storage
from opsctl.model.batch import Batch
from opsctl.scrape.config import PrometheusConfig, RemoteWrite


@dataclass
class _Lane:
    outgoing: Outgoing
    forward: Forward
    writer: RemoteWriter | None = None
    made_of: tuple[object, ...] = ()
    """What the loop was begun with."""


class RemoteWriting:
    """Keeps a buffer and a loop for each entry of `remote_write`. A buffer outlives its entry's changes.

    Samples go out in the order in which they were stored; those that the store refused do not, and those that it took
    out of order do, as they came: whether they are taken is the receiver's to say. `known`: the metadata of metrics.
    """

    def __init__(
        self, storage: Storage, folder: Path, clock: Clock, figures: RemoteFigures, lanes: Sequence[RemoteWrite] = (),
    ) -> None:  # fmt: skip
        self._storage, self._folder, self._clock, self._figures = storage, folder, clock, figures
        self._own = tuple(lanes)
        self._lanes: dict[str, _Lane] = {}
        self.known: Known = tuple

    def append(self, *batches: Batch) -> Appended:
        """As Storage, and into every buffer; a batch of which nothing was kept goes nowhere."""
        appended = self._storage.append(*batches)
        if appended.kept:
            self._figures.samples_in.inc(appended.kept if self._lanes else 0)
            for lane in self._lanes.values():
                self._take(lane, batches)
        return appended

    def _take(self, lane: _Lane, batches: Sequence[Batch]) -> None:
        before = lane.forward.dropped
        lane.forward.take(batches)
        dropped = lane.forward.dropped - before
        if dropped and lane.writer is not None:
            self._figures.dropped.labels(*lane.writer.remote.by, DROPPED_SERIES).inc(dropped)

    async def apply(self, config: PrometheusConfig) -> None:
        """Takes a configuration: entries that stay the same go on, changed ones begin anew with their buffers."""
        wanted = {name_of(entry): entry for entry in (*self._own, *config.remote_write)}
        for name, lane in list(self._lanes.items()):
            if name not in wanted:
                await self._stop(lane)
                lane.outgoing.close()
                del self._lanes[name]
        for name, entry in wanted.items():
            if name not in self._lanes:
                outgoing = Outgoing(self._folder / hashlib.sha256(name.encode()).hexdigest()[:12])
                self._lanes[name] = _Lane(outgoing, Forward(outgoing))
            lane = self._lanes[name]
            external = {} if entry in self._own else config.global_.external_labels
            made_of = (entry, tuple(external.items()), config.root)
            if made_of != lane.made_of:
                await self._stop(lane)
                lane.made_of = made_of
                lane.forward.configure(external, entry.write_relabel_configs, entry.queue_config.max_samples_per_send)
                self._begin(lane, remote_of(name, entry, config.root))

    def _begin(self, lane: _Lane, remote: Remote) -> None:
        lane.writer = RemoteWriter(remote, lane.outgoing, self._clock, self._figures, lambda: self.known())
        lane.writer.start()

    async def _stop(self, lane: _Lane) -> None:
        if lane.writer is not None:
            await lane.writer.stop()
            self._figures.forget(lane.writer.remote.by)
            lane.writer = None

    def sync(self) -> None:
        """Makes the buffers durable. Not on the event loop."""
        for outgoing in self._outgoing():
            outgoing.sync()

    def _outgoing(self) -> Iterable[Outgoing]:
        return [lane.outgoing for lane in list(self._lanes.values())]

    async def stop(self) -> None:
        """Ends the loops; what waits is sent after the next start."""
        for lane in self._lanes.values():
            await self._stop(lane)
            lane.outgoing.close()
        self._lanes.clear()


def remote_of(name: str, entry: RemoteWrite, root: str) -> Remote:
    """An entry as the writer takes it."""
    queue, metadata = entry.queue_config, entry.metadata_config
    return Remote(
        name=name, url=entry.url, timeout=entry.remote_timeout, headers=entry.headers, settings=entry, root=root,
        most_samples=queue.max_samples_per_send, deadline=queue.batch_send_deadline, min_backoff=queue.min_backoff,
        max_backoff=queue.max_backoff, min_shards=queue.min_shards, max_shards=queue.max_shards,
        capacity=queue.capacity, age_limit=queue.sample_age_limit, retry_429=queue.retry_on_http_429,
        metadata_every=metadata.send_interval if metadata.send else 0.0, metadata_most=metadata.max_samples_per_send,
    )  # fmt: skip


def name_of(entry: RemoteWrite) -> str:
    """The entry's name, or six hex digits of its URL."""
    return entry.name or hashlib.md5(entry.url.encode(), usedforsecurity=False).hexdigest()[:6]
