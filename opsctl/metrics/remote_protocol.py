"""Prometheus remote write 1.0: bodies to samples and back. Source: prometheus.io/docs/specs/prw/remote_write_spec.

A body is a snappy block of a protobuf `prometheus.WriteRequest`. Known series cost no string work: their encoded
labels are remembered, and samples of the usual form (an 18-byte tail) are read for all series at once.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cramjam
import numpy as np
from numpy.typing import NDArray

from opsctl.metrics.remote_wire import BYTES, FIXED64, VARINT, BadWrite, fields, number, sized, varint
from opsctl.model.labels import METRIC_NAME, Labels
from opsctl.model.series import Series

_TAIL = 18
_HEAD = b"\x12\x10\x09"
_SAMPLE = struct.Struct("<dq")
_DOUBLE = struct.Struct("<d")


@dataclass(frozen=True)
class WriteLimits:
    """Most bytes decompressed, samples a request, labels a series, and series remembered."""

    decompressed: int = 64 << 20
    samples: int = 500_000
    labels: int = 256
    remembered: int = 200_000


@dataclass(frozen=True, eq=False, slots=True)
class Received:
    """Sample i belongs to `labels[rows[i]]`, in the order of the request.

    Why series were left out: `invalid`, their labels are none, which the sender is not told; `refused`, what it is told.
    """

    labels: tuple[Labels, ...]
    rows: NDArray[np.int64]
    times: NDArray[np.int64]
    values: NDArray[np.float64]
    refused: tuple[str, ...] = ()
    invalid: tuple[str, ...] = ()


class Decoder:
    """Turns bodies into samples, and remembers the label sets it has met. One thread at a time."""

    def __init__(self, limits: WriteLimits | None = None) -> None:
        self._limits = limits or WriteLimits()
        self._known: dict[bytes, Labels] = {}

    def decode(self, body: bytes) -> Received:
        """The samples of a body. Raises BadWrite; series with bad labels or with histograms are left out."""
        request = unpacked(body, self._limits.decompressed)
        reading = _Reading(self._limits, self._known)
        for tag, kind, _, entry in fields(request):
            if tag == 1 and kind == BYTES:
                reading.add(entry)
            elif tag == 1:
                raise BadWrite("proto: wrong wireType for field Timeseries")
        return reading.done()


class _Reading:
    def __init__(self, limits: WriteLimits, known: dict[bytes, Labels]) -> None:
        self._limits, self._known = limits, known
        self._labels: list[Labels] = []
        self._rows: list[int] = []
        self._refused: list[str] = []
        self._invalid: list[str] = []
        self._tails: list[bytes] = []
        self._tails_at: list[int] = []
        self._others: list[bytes] = []
        self._others_at: list[int] = []

    def add(self, entry: bytes) -> None:
        end = len(entry)
        while end >= _TAIL and _usual(entry, end):
            end -= _TAIL
        labels = self._known.get(entry[:end]) if end < len(entry) else None
        if labels is None:
            self._add_unknown(entry, end)
            return
        count = (len(entry) - end) // _TAIL
        self._count(labels, count, self._tails_at)
        self._tails.append(entry[end:])

    def _add_unknown(self, entry: bytes, end: int) -> None:
        try:
            labels, samples = _entry(entry, self._limits.labels)
        except _Invalid as error:
            self._invalid.append(str(error))
            return
        except _Refused as error:
            self._refused.append(str(error))
            return
        self._count(labels, len(samples), self._others_at)
        self._others += samples
        if end < len(entry) and all(tag == 1 for tag, *_ in _fields_or_none(entry[:end])):
            if len(self._known) >= self._limits.remembered:
                self._known.clear()
            self._known[entry[:end]] = labels

    def _count(self, labels: Labels, count: int, places: list[int]) -> None:
        at = len(self._rows)
        if at + count > self._limits.samples:
            raise BadWrite(f"the request has more than {self._limits.samples} samples", "send less at once")
        places.extend(range(at, at + count))
        self._rows.extend([len(self._labels)] * count)
        self._labels.append(labels)

    def done(self) -> Received:
        times, values = np.empty(len(self._rows), np.int64), np.empty(len(self._rows), np.float64)
        if self._tails:
            raw = np.frombuffer(b"".join(self._tails), np.uint8).reshape(-1, _TAIL)
            at = np.array(self._tails_at)
            values[at] = np.ascontiguousarray(raw[:, 3:11]).view("<f8")[:, 0]
            digits = (raw[:, 12:] & 0x7F).astype(np.int64)
            times[at] = (digits << np.arange(0, 42, 7)).sum(axis=1)
        if self._others:
            found = np.frombuffer(b"".join(self._others), np.dtype([("v", "<f8"), ("t", "<i8")]))
            values[self._others_at], times[self._others_at] = found["v"], found["t"]
        left_out = tuple(self._refused), tuple(self._invalid)
        return Received(tuple(self._labels), np.array(self._rows, np.int64), times, values, *left_out)


class _Refused(ValueError):
    """A series that cannot be kept; the rest of the request is."""


class _Invalid(ValueError):
    """A series whose labels are none. Source: prometheus write_handler.go, which leaves them out without a word."""


def unpacked(body: bytes, most: int) -> bytes:
    """A snappy block, its declared length looked at first. Raises BadWrite."""
    try:
        length, _ = varint(body, 0)
    except BadWrite as error:
        raise BadWrite("snappy: corrupt input") from error
    if length > most:
        raise BadWrite(f"the request has {length} bytes, at most {most} are taken", "send less at once")
    try:
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as error:
        raise BadWrite("snappy: corrupt input") from error


def _usual(entry: bytes, end: int) -> bool:
    """Whether the 18 bytes before `end` are one sample of a time of today's size."""
    return (
        entry[end - 18 : end - 15] == _HEAD and entry[end - 7] == 0x10 and 0 < entry[end - 1] < 0x80
        and min(entry[end - 6 : end - 1]) >= 0x80
    )  # fmt: skip


def _fields_or_none(data: bytes) -> Sequence[tuple[Any, ...]]:
    """The fields of what may be a whole message; one that is no label where it is not."""
    try:
        return list(fields(data))
    except BadWrite:
        return [(0,)]


def _entry(entry: bytes, most_labels: int) -> tuple[Labels, list[bytes]]:
    pairs: list[tuple[str, str]] = []
    samples: list[bytes] = []
    histograms = False
    for tag, kind, _, data in fields(entry):
        if tag in (1, 2, 3, 4) and kind != BYTES:
            raise BadWrite("proto: wrong wireType in TimeSeries")
        if tag == 1:
            pairs.append(_label(data))
        elif tag == 2:
            samples.append(_sample(data))
        histograms = histograms or tag == 4
        if len(pairs) > most_labels:
            raise _Refused(f"label_limit exceeded (limit: {most_labels})")
    if histograms:
        raise _Refused("native histograms are disabled")
    return _labels(pairs), samples


def _label(data: bytes) -> tuple[str, str]:
    name = value = b""
    for tag, kind, _, text in fields(data):
        if tag in (1, 2) and kind != BYTES:
            raise BadWrite("proto: wrong wireType in Label")
        if tag == 1:
            name = text
        elif tag == 2:
            value = text
    try:
        return name.decode(), value.decode()
    except UnicodeDecodeError as error:
        raise _Invalid("label name or value is not UTF-8: invalid sample") from error


def _labels(pairs: list[tuple[str, str]]) -> Labels:
    labels = Labels(pairs)
    if not pairs:
        raise _Invalid("empty labelset: invalid sample")
    for name in {name for name, _ in pairs}:
        if not name:
            raise _Invalid("empty label name: invalid sample")
        if sum(name == other for other, _ in pairs) > 1:
            raise _Invalid(f'label name "{name}" is not unique: invalid sample')
    if METRIC_NAME not in labels:
        raise _Invalid(f"metric name is missing: {labels}: invalid sample")
    return labels


def _sample(data: bytes) -> bytes:
    value, at_ms = 0.0, 0
    for tag, kind, integer, eight in fields(data):
        if (tag == 1 and kind != FIXED64) or (tag == 2 and kind != VARINT):
            raise BadWrite("proto: wrong wireType in Sample")
        if tag == 1:
            value = _DOUBLE.unpack(eight)[0]
        elif tag == 2:
            at_ms = integer - (1 << 64) if integer >> 63 else integer
    return _SAMPLE.pack(value, at_ms)


@lru_cache(maxsize=200_000)
def _encoded_labels(labels: Labels) -> bytes:
    return b"".join(sized(0x0A, sized(0x0A, n.encode()) + sized(0x12, v.encode())) for n, v in labels.pairs)


def encoded(series: Iterable[Series]) -> bytes:
    """A WriteRequest, not yet compressed. Two of them joined are one with the series of both."""
    parts = []
    for one in series:
        samples = [
            sized(0x12, b"\x09" + _DOUBLE.pack(value) + b"\x10" + number(at))
            for at, value in zip(one.times.tolist(), one.values.tolist(), strict=True)
        ]
        parts.append(sized(0x0A, _encoded_labels(one.labels) + b"".join(samples)))
    return b"".join(parts)


def packed(request: bytes) -> bytes:
    """The body of a request: a snappy block."""
    return bytes(cramjam.snappy.compress_raw(request))


@lru_cache(maxsize=200_000)
def _prefix(labels: Labels) -> bytes:
    """All of an entry before the value of its one sample, for a time of today's size."""
    known = _encoded_labels(labels)
    return b"\x0a" + number(len(known) + _TAIL) + known + _HEAD


def encoded_instant(labels: Sequence[Labels], at_ms: int, values: NDArray[np.float64]) -> bytes:
    """As `encoded`, for one sample of each series at one time."""
    end = b"\x10" + number(at_ms)
    if len(end) != 7:
        times = np.array([at_ms], np.int64)
        return encoded(Series(one, times, values[i : i + 1]) for i, one in enumerate(labels))
    raw = np.ascontiguousarray(values, np.float64).tobytes()
    return b"".join([_prefix(one) + raw[8 * i : 8 * i + 8] + end for i, one in enumerate(labels)])


def entries(request: bytes) -> list[bytes]:
    """The series of a request of ours, each a request of its own."""
    return [sized(0x0A, entry) for tag, _, _, entry in fields(request) if tag == 1]


def series_bytes(entry: bytes) -> bytes:
    """What is the same in all entries of ours (as `entries` gives them) for one series: its labels."""
    for _, _, _, inner in fields(entry):
        usual = len(inner) > _TAIL and _usual(inner, len(inner)) and not _usual(inner[:-_TAIL], len(inner) - _TAIL)
        return inner[:-_TAIL] if usual else b"".join(sized(0x0A, data) for tag, _, _, data in fields(inner) if tag == 1)
    return b""


def samples_of(request: bytes) -> int:
    """The samples in a request of ours."""
    return sum(tag == 2 for outer, _, _, entry in fields(request) if outer == 1 for tag, *_ in fields(entry))
