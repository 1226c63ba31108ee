"""Calls between services: one aiohttp session, keep-alive, the trace passed on, the internal token added."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from platform_app.kit.config import ConfigFolder, secret
from platform_app.kit.problem import Problem
from platform_app.kit.trace import current


@dataclass(frozen=True, slots=True)
class Answer:
    """What a neighbour answered. `json()` parses the body; `ok` is any 2xx."""

    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        return orjson.loads(self.body)


class Client:
    """The session of one process; must be used inside its event loop, and closed."""

    def __init__(self, folder: ConfigFolder) -> None:
        self._folder = folder
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The one aiohttp session, for calls to others than our services."""
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=30)
            self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        return self._session

    async def call(
        self,
        service: str,
        method: str,
        path: str,
        *,
        json: object = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 2.0,
    ) -> Answer:
        """Calls a service of ours by name with the internal token, whatever it answers.

        Raises Problem 502 `upstream_unavailable` when it cannot be reached, 504 when it takes over `timeout` seconds.
        """
        config = self._folder.config
        sent = {"Authorization": f"Bearer {secret(config.internal.token_file)}", **(headers or {})}
        trace = current()
        if trace is not None:
            sent |= {"traceparent": trace.traceparent, "X-Request-Id": trace.request_id}
        body = None
        if json is not None:
            body, sent["Content-Type"] = orjson.dumps(json), "application/json"
        limit = aiohttp.ClientTimeout(total=timeout)
        try:
            url = config.url(service) + path
            async with self.session.request(method, url, data=body, headers=sent, timeout=limit) as answer:
                return Answer(answer.status, await answer.read())
        except TimeoutError as error:
            raise Problem(504, "upstream_timeout", f"{service} 响应超时", service=service) from error
        except (aiohttp.ClientError, KeyError, asyncio.IncompleteReadError, OSError) as error:
            raise Problem(502, "upstream_unavailable", f"{service} 暂时不可用", service=service) from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
