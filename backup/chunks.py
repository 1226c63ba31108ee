"""Content-addressed chunks: SHA-256 of the plain bytes is the name, zstd the form, a digest of the form goes before it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import zstandard

from backup.errors import BackupError
from backup.storage import Storage

CHUNK_BYTES = 4 << 20
_DIGEST = 32


class Chunks:
    """Stores each content once; what it gives back is what was put in, or an error."""

    def __init__(self, storage: Storage, level: int = 3) -> None:
        self._storage = storage
        self._pack = zstandard.ZstdCompressor(level=level)
        self._unpack = zstandard.ZstdDecompressor()

    def put(self, plain: bytes) -> tuple[str, int]:
        """The content's id, and the bytes this took: 0 when a sound copy was there already."""
        key = hashlib.sha256(plain).hexdigest()
        name = name_of(key)
        if self._storage.size(name) is not None and self._sound(name):
            return key, 0
        packed = self._pack.compress(plain)
        self._storage.put(name, hashlib.sha256(packed).digest() + packed)
        return key, _DIGEST + len(packed)

    def get(self, key: str) -> bytes:
        """The content, proven twice. Raises BackupError naming the chunk when a bit of it is wrong."""
        stored = self._storage.get(name_of(key))
        if hashlib.sha256(stored[_DIGEST:]).digest() != stored[:_DIGEST]:
            raise BackupError(f"chunk {key[:12]} is damaged", "restore an older snapshot, or repair from a second copy")
        try:
            plain = self._unpack.decompress(stored[_DIGEST:], max_output_size=CHUNK_BYTES)
        except zstandard.ZstdError as error:
            raise BackupError(f"chunk {key[:12]} does not unpack: {error}") from error
        if hashlib.sha256(plain).hexdigest() != key:
            raise BackupError(f"chunk {key[:12]} holds something else", "the file was put under a wrong name")
        return plain

    def stored(self) -> list[str]:
        return [name.rsplit("/", 1)[1] for name in self._storage.list("chunks")]

    def delete(self, key: str) -> int:
        """Removes a chunk; the bytes regained."""
        freed = self._storage.size(name_of(key)) or 0
        self._storage.delete(name_of(key))
        return freed

    def _sound(self, name: str) -> bool:
        stored = self._storage.get(name)
        return hashlib.sha256(stored[_DIGEST:]).digest() == stored[:_DIGEST]


def name_of(key: str) -> str:
    return f"chunks/{key[:2]}/{key}"


def cut(file: BinaryIO) -> Iterator[bytes]:
    """A file in chunks of fixed size, so that a database's unchanged regions are stored once."""
    while part := file.read(CHUNK_BYTES):
        yield part


def cut_bytes(content: bytes) -> Iterable[bytes]:
    return (content[at : at + CHUNK_BYTES] for at in range(0, len(content), CHUNK_BYTES))
