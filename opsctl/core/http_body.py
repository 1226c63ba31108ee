"""Reads a body that may be gzip, up to a limit: a small answer cannot grow large in memory."""

from __future__ import annotations

import zlib

import aiohttp

_GZIP = 16 + zlib.MAX_WBITS


class BodyTooLarge(ValueError):
    """The body, decompressed, is longer than the limit."""


class BadBody(ValueError):
    """The body is not what its Content-Encoding says."""


async def read_body(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    """The whole body, decompressed, of `limit` bytes at most. Raises BodyTooLarge or BadBody.

    The session must not decompress (`auto_decompress=False`).
    """
    encoding = answer.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise BadBody(f"unknown Content-Encoding {encoding!r}")
    unpack = _Gunzip() if encoding.endswith("gzip") else None
    pieces: list[bytes] = []
    size = 0
    async for chunk in answer.content.iter_any():
        piece = unpack.feed(chunk, limit - size) if unpack else chunk
        size += len(piece)
        if size > limit:
            raise BodyTooLarge("body size limit exceeded")
        pieces.append(piece)
    if unpack is not None:
        unpack.end()
    return b"".join(pieces)


class _Gunzip:
    """Decompresses gzip members one after the other."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)
        self._begun = False

    def feed(self, chunk: bytes, left: int) -> bytes:
        """What a piece gives; raises BodyTooLarge before it would be longer than `left`."""
        found = b""
        while chunk:
            if self._member.eof:
                self._member = zlib.decompressobj(_GZIP)
            self._begun = True
            try:
                found += self._member.decompress(chunk, left - len(found) + 1)
            except zlib.error as error:
                raise BadBody("gzip: invalid header" if not found else "gzip: invalid data") from error
            if len(found) > left:
                raise BodyTooLarge("body size limit exceeded")
            chunk = self._member.unused_data
        return found

    def end(self) -> None:
        if self._begun and not self._member.eof:
            raise BadBody("unexpected EOF")
