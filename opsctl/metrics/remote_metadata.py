"""Types, helps and units of metrics as remote write sends them. Source: prometheus/prompb MetricMetadata."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from opsctl.metrics.remote_wire import number, sized
from opsctl.model.metadata import Metadata

Known = Callable[[], Iterable[tuple[str, Metadata]]]
"""Gives all that is known now, by metric."""
_TYPES = {
    name: place
    for place, name in enumerate(
        ("unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset")
    )
}


def encoded_metadata(known: Iterable[tuple[str, Metadata]], most: int) -> Iterator[tuple[bytes, int]]:
    """Requests of at most `most` different entries, not yet compressed, with how many they hold."""
    entries = [sized(0x1A, _entry(name, said)) for name, said in sorted(set(known), key=lambda one: one[0])]
    for first in range(0, len(entries), most):
        part = entries[first : first + most]
        yield b"".join(part), len(part)


def _entry(name: str, said: Metadata) -> bytes:
    parts = [b"\x08" + number(_TYPES.get(said.type, 0)) if _TYPES.get(said.type) else b"", sized(0x12, name.encode())]
    for tag, text in ((0x22, said.help), (0x2A, said.unit)):
        if text:
            parts.append(sized(tag, text.encode()))
    return b"".join(parts)
