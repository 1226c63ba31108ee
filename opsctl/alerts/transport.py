"""One message of the sender: what became of it, or what went wrong and whether it may have arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import aiohttp

from opsctl.alerts.receiver import Outcome, Receiver, Request, Response, RetryAfter
from opsctl.core.http_client import CannotPrepare, HttpClient
from opsctl.core.http_plain import BrokenOff, CannotConnect

_MOST = 65_536


class HttpCourier:
    """A Courier over one HttpClient, for all channels."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    async def http(self, request: Request) -> Response:
        """As Courier; at most 64 KiB of the answer, which is asked for uncompressed."""
        headers = {"Accept-Encoding": "identity", **request.headers}
        answer = await self._client.exchange(
            request.method, request.url, request.http, request.root, headers, request.body, _MOST
        )
        return Response(answer.status, answer.body)


async def call(courier: HttpCourier, receiver: Receiver, message: Any) -> tuple[Outcome, bool]:
    """The outcome, and whether the message may have been taken although no good answer came."""
    return await call_with(receiver.channel.timeout, receiver.send(message, courier))


async def call_with(seconds: float, sending: Awaitable[Outcome]) -> tuple[Outcome, bool]:
    """As `call`, of something that is being sent and has so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            return await sending, False
    except aiohttp.ClientConnectorError as error:
        return RetryAfter(f"cannot connect: {error.os_error.strerror or error.os_error}"), False
    except CannotConnect as error:
        return RetryAfter(f"cannot connect: {error}"), False
    except aiohttp.InvalidURL:
        return RetryAfter("not a URL that can be called"), False
    except CannotPrepare as error:
        return RetryAfter(str(error)), False
    except TimeoutError:
        return RetryAfter(f"no answer within {seconds:g} s"), True
    except BrokenOff as error:
        return RetryAfter(str(error)), True
    except (aiohttp.ClientError, ConnectionError, OSError) as error:
        return RetryAfter(f"the answer broke off: {type(error).__name__}"), True
