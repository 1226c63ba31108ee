"""samples → the outgoing buffer of each remote → its receiver."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from opsctl.core.clock import Clock
from opsctl.metrics.forward import Forward
from opsctl.metrics.outgoing import Outgoing
from opsctl.metrics.remote_writer import Remote, RemoteFigures, RemoteWriter
from opsctl.metrics.storage import Appended, Storage
from opsctl.model.batch import Batch
from opsctl.scrape.config import PrometheusConfig, RemoteWrite


@dataclass
class _Lane:
    outgoing: Outgoing
    forward: Forward
    writer: RemoteWriter | None = None


class RemoteWriting:
    """Keeps a buffer and a loop for each entry of `remote_write`. A buffer outlives its entry's changes.

    Samples go out in the order in which they were stored; those that the store refused do not, and those that it took
    out of order do, as they came: whether they are taken is the receiver's to say.
    """

    def __init__(
        self, storage: Storage, folder: Path, clock: Clock, figures: RemoteFigures, lanes: Sequence[RemoteWrite] = (),
    ) -> None:  # fmt: skip
        self._storage, self._folder, self._clock, self._figures = storage, folder, clock, figures
        self._own = tuple(lanes)
        self._lanes: dict[str, _Lane] = {}

    def append(self, *batches: Batch) -> Appended:
        """As Storage, and into every buffer; a batch of which nothing was kept goes nowhere."""
        appended = self._storage.append(*batches)
        if appended.kept:
            for lane in self._lanes.values():
                lane.forward.take(batches)
        return appended

    async def apply(self, config: PrometheusConfig) -> None:
        """Takes a configuration: entries that stay keep their buffers, the loops begin anew."""
        wanted = {name_of(entry): entry for entry in (*self._own, *config.remote_write)}
        for name, lane in list(self._lanes.items()):
            if lane.writer is not None:
                await lane.writer.stop()
            if name not in wanted:
                lane.outgoing.close()
                del self._lanes[name]
        for name, entry in wanted.items():
            if name not in self._lanes:
                outgoing = Outgoing(self._folder / hashlib.sha256(name.encode()).hexdigest()[:12])
                self._lanes[name] = _Lane(outgoing, Forward(outgoing))
            self._begin(self._lanes[name], name, entry, config)

    def _begin(self, lane: _Lane, name: str, entry: RemoteWrite, config: PrometheusConfig) -> None:
        queue = entry.queue_config
        lane.forward.configure(
            {} if entry in self._own else config.global_.external_labels, entry.write_relabel_configs, queue.max_samples_per_send
        )  # fmt: skip
        remote = Remote(
            name=name, url=entry.url, timeout=entry.remote_timeout, headers=entry.headers,
            settings=entry, root=config.root, most_samples=queue.max_samples_per_send,
            deadline=queue.batch_send_deadline, min_backoff=queue.min_backoff, max_backoff=queue.max_backoff,
        )  # fmt: skip
        lane.writer = RemoteWriter(remote, lane.outgoing, self._clock, self._figures)
        lane.writer.start()

    def sync(self) -> None:
        """Makes the buffers durable. Not on the event loop."""
        for outgoing in self._outgoing():
            outgoing.sync()

    def _outgoing(self) -> Iterable[Outgoing]:
        return [lane.outgoing for lane in list(self._lanes.values())]

    async def stop(self) -> None:
        """Ends the loops; what waits is sent after the next start."""
        for lane in self._lanes.values():
            if lane.writer is not None:
                await lane.writer.stop()
            lane.outgoing.close()
        self._lanes.clear()


def name_of(entry: RemoteWrite) -> str:
    """The entry's name, or six hex digits of its URL."""
    return entry.name or hashlib.md5(entry.url.encode(), usedforsecurity=False).hexdigest()[:6]
