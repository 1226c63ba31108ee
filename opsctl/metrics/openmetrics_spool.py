"""Texts that come in the order of time and leave in the order of series: a scratch file and where each lies in it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

from opsctl.model.labels import Labels


class Spool:
    """Keeps at most `held` bytes in memory, the rest in a scratch file without a name."""

    def __init__(self, held: int = 32 << 20) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=held)  # noqa: SIM115 (closed by close)
        self._places: dict[Labels, list[tuple[int, int]]] = {}
        self._size = 0

    def add(self, of: Labels, text: str) -> None:
        data = text.encode()
        self._places.setdefault(of, []).append((self._size, len(data)))
        self._size += self._file.write(data)

    def texts(self) -> Iterator[bytes]:
        """Everything, each metric's texts together in the order in which they came; metrics sorted."""
        for of in sorted(self._places):
            for offset, size in self._places[of]:
                self._file.seek(offset)
                yield self._file.read(size)

    def close(self) -> None:
        self._file.close()
