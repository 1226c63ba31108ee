"""A remote-write body → samples → batches → one append to the store."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter

from opsctl.core.clock import Clock
from opsctl.core.log import Log
from opsctl.metrics.remote_protocol import Decoder, Received
from opsctl.metrics.storage import Appended
from opsctl.model.batch import Batch
from opsctl.model.labels import Labels

LOG = Log("opsctl.flows.receiving")
_AHEAD_MS = 600_000
"""Samples stamped further ahead than this are refused. Source: storage/remote/write_handler.go maxAheadTime."""
_TOO_FAR = "out of bounds: timestamp is too far in the future"
_LARGE = 256 * 1024
_SOURCES = 500_000


@dataclass(frozen=True)
class Answer:
    """`reason` '' when all is well; else what the sender is told with 400: what was good is kept."""

    kept: int
    reason: str = ""


class Receiver:
    """Takes remote-write bodies. A request is one append; what it acknowledges survives kill -9."""

    def __init__(
        self, append: Callable[..., Appended], clock: Clock, registry: CollectorRegistry, decoder: Decoder | None = None
    ) -> None:
        self._append, self._clock = append, clock
        self._decoder = decoder or Decoder()
        self._decoding = asyncio.Lock()
        self._sources: dict[Labels, int] = {}
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []
        self._invalid = Counter(
            "prometheus_api_remote_write_invalid_labels_samples", "Series refused: bad labels.", registry=registry
        )
        self._received = Counter("opsctl_remote_write_received_samples", "Samples received.", registry=registry)
        self._refused = Counter(
            "opsctl_remote_write_refused_samples", "Samples refused, by reason.", ["reason"], registry=registry
        )

    async def take(self, body: bytes) -> Answer:
        """Stores what a body holds. Raises BadWrite when it is no request, and then keeps nothing."""
        async with self._decoding:
            if len(body) < _LARGE:
                received = self._decoder.decode(body)
            else:
                received = await asyncio.to_thread(self._decoder.decode, body)
        made, ahead = self._batches(received, round(self._clock.now() * 1000) + _AHEAD_MS)
        appended = self._append(*made) if made else Appended()
        self._count(received, appended + Appended(too_old=ahead))
        reasons = [*received.refused[:1], *appended.reasons(), *([_TOO_FAR] if ahead else [])]
        left_out = (*received.invalid, *received.refused)
        if reasons or left_out:
            LOG.warning(
                "remote_write.refused", series=len(left_out), samples=appended.reasons(), ahead=ahead,
                of=[*reasons, *left_out][0],
            )  # fmt: skip
        return Answer(appended.kept, reasons[0] if reasons else "")

    def _count(self, received: Received, appended: Appended) -> None:
        self._invalid.inc(len(received.invalid))
        self._received.inc(len(received.rows))
        for reason, count in appended.reasons().items():
            self._refused.labels(reason).inc(count)

    def _batches(self, received: Received, newest_ms: int) -> tuple[list[Batch], int]:
        """The samples by source and time, oldest first, and how many are too far ahead."""
        good = received.times <= newest_ms
        rows, times, values = received.rows[good], received.times[good], received.values[good]
        ahead = len(good) - len(rows)
        if not len(rows):
            return [], ahead
        by_series = np.fromiter((self._source(one) for one in received.labels), np.int64, len(received.labels))
        sources = by_series[rows]
        order = np.lexsort((sources, times))
        rows, times, values, sources = rows[order], times[order], values[order], sources[order]
        borders = np.flatnonzero((np.diff(times) != 0) | (np.diff(sources) != 0)) + 1
        edges = [0, *borders.tolist(), len(rows)]
        made = []
        for first, last in itertools.pairwise(edges):
            labels = tuple(received.labels[row] for row in rows[first:last].tolist())
            made.append(_once(self._names[sources[first]], int(times[first]), labels, values[first:last]))
        return made, ahead

    def _source(self, labels: Labels) -> int:
        """A number for those who measure together: a target's series."""
        number = self._sources.get(labels)
        if number is None:
            if len(self._sources) >= _SOURCES:
                self._sources.clear()
            number = self._sources[labels] = self._number(f"write {labels.get('job', '')} {labels.get('instance', '')}")
        return number

    def _number(self, name: str) -> int:
        if name not in self._numbers:
            self._numbers[name] = len(self._names)
            self._names.append(name)
        return self._numbers[name]


def _once(source: str, at_ms: int, labels: tuple[Labels, ...], values: NDArray[np.float64]) -> Batch:
    """A batch; of a series that is named twice at one time the first sample stays, as in Prometheus."""
    if len(set(labels)) == len(labels):
        return Batch(source, at_ms, labels, values)
    first: dict[Labels, int] = {}
    for place, one in enumerate(labels):
        first.setdefault(one, place)
    return Batch(source, at_ms, tuple(first), values[list(first.values())])
