"""Bodies packed for who takes them packed. Source: prometheus util/httputil/compression.go: the first that we know."""

from __future__ import annotations

import asyncio
import gzip
import zlib

from starlette.responses import Response

_LEVEL = 1
_AT_ONCE = 64 * 1024
"""Larger bodies are packed in a thread."""


async def packed(response: Response, accepted: str) -> Response:
    """The response with its body gzipped or deflated, as the Accept-Encoding header `accepted` wishes."""
    encoding = next((e for e in map(str.strip, accepted.split(",")) if e in ("gzip", "deflate")), "")
    if not encoding:
        return response
    body = bytes(response.body)
    pack = _gzip if encoding == "gzip" else _deflate
    response.body = pack(body) if len(body) <= _AT_ONCE else await asyncio.to_thread(pack, body)
    response.headers["Content-Encoding"] = encoding
    if response.status_code != 204:
        response.headers["Content-Length"] = str(len(response.body))
    else:
        response.body = b""
    return response


def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, _LEVEL, mtime=0)


def _deflate(body: bytes) -> bytes:
    return zlib.compress(body, _LEVEL)
