"""Passing a request on: aiohttp's client, one session, bodies untouched."""

from __future__ import annotations

from collections.abc import Iterable

import aiohttp
from multidict import CIMultiDict
from starlette.types import Receive, Scope, Send
from yarl import URL

from platform_app.edge.answers import Headers
from platform_app.edge.routes import NAMES
from platform_app.kit.problem import Problem
from platform_app.kit.trace import Trace

_HOP_NAMES = """
connection keep-alive proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade
host content-length date server traceparent x-request-id x-trace-id x-forwarded-for x-forwarded-proto x-forwarded-host
"""
HOP = frozenset(name.encode() for name in _HOP_NAMES.split())
"""Headers that end here: those of one hop, and those that the edge writes itself."""
WHOLE = 1_000_000
"""Answers up to this size go out in one piece, longer ones as they come."""
_CONNECT_SECONDS = 1.0


class Broken(Exception):
    """The connection broke before an answer began."""


class Proxy:
    """The session to all services."""

    def __init__(self) -> None:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=30)
        self._session = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )

    async def close(self) -> None:
        await self._session.close()

    async def pass_on(
        self,
        scope: Scope,
        body: bytes,
        service: str,
        address: str,
        trace: Trace,
        seconds: float,
        send: Send,
        extra: Headers,
    ) -> int:
        """Sends the request to `address`, the answer to the caller; its status.

        A GET whose connection broke is tried once more. Raises Problem 502 or 504 while nothing was sent yet.
        """
        tries = 2 if scope["method"] in ("GET", "HEAD") else 1
        for _ in range(tries):
            try:
                return await self._once(scope, body, address, trace, seconds, send, extra)
            except Broken:
                continue
            except TimeoutError as error:
                raise Problem(
                    504, "upstream_timeout", f"{_name(service)}响应超时,请稍后再试", service=service
                ) from error
        headers = {"Retry-After": "3"}
        raise Problem(
            502, "upstream_unavailable", f"{_name(service)}暂时不可用,请稍后再试", headers=headers, service=service
        )

    async def _once(
        self, scope: Scope, body: bytes, address: str, trace: Trace, seconds: float, send: Send, extra: Headers
    ) -> int:
        query = scope["query_string"]
        path = scope["raw_path"].decode("latin-1") + (f"?{query.decode('latin-1')}" if query else "")
        limit = aiohttp.ClientTimeout(total=seconds, sock_connect=_CONNECT_SECONDS)
        request = self._session.request(
            scope["method"],
            URL(f"http://{address}{path}", encoded=True),
            headers=forwarded(scope, trace),
            data=body or None,
            allow_redirects=False,
            timeout=limit,
        )
        try:
            answer = await request
        except aiohttp.ConnectionTimeoutError as error:
            raise Broken from error
        except aiohttp.ClientConnectionError as error:
            if isinstance(error, TimeoutError):
                raise
            raise Broken from error
        except aiohttp.ClientError as error:
            raise Broken from error
        async with answer:
            length = answer.content_length
            short = length is not None and length <= WHOLE
            try:
                whole = await answer.read() if short else None
            except aiohttp.ClientError as error:
                raise Broken from error
            await _relay(answer, whole, send, extra)
            return answer.status


async def _relay(answer: aiohttp.ClientResponse, whole: bytes | None, send: Send, extra: Headers) -> None:
    """The answer's head, then its body: in one piece when it was read already, else as it comes."""
    headers = [*passed(answer.raw_headers), *extra]
    if answer.content_length is not None:
        headers.append((b"content-length", str(answer.content_length).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if whole is None:
        async for chunk in answer.content.iter_any():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": whole or b""})


def passed(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers that travel on, in lower case."""
    return [(k.lower(), v) for k, v in headers if k.lower() not in HOP]


def forwarded(scope: Scope, trace: Trace) -> CIMultiDict[str]:
    """The request's headers as a service gets them: who asked, under which trace."""
    headers: CIMultiDict[str] = CIMultiDict(
        (k.decode("latin-1"), v.decode("latin-1")) for k, v in passed(scope["headers"])
    )
    headers["X-Forwarded-For"] = client_of(scope)
    headers["X-Forwarded-Proto"] = scope.get("scheme", "http")
    headers["traceparent"] = trace.traceparent
    headers["X-Request-Id"] = trace.request_id
    return headers


def client_of(scope: Scope) -> str:
    """The caller's address."""
    client = scope.get("client")
    return client[0] if client else ""


async def read_body(receive: Receive, most: int) -> bytes:
    """The whole request body. Raises Problem 413 above `most` bytes."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body
    parts, size = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            raise Problem(413, "too_large", "请求内容过大")
    return b"".join(parts)


def _name(service: str) -> str:
    return NAMES.get(service, service)
