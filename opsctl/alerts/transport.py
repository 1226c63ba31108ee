"""One HTTP call of the sender: what came back, or what went wrong and whether the message may have arrived."""

from __future__ import annotations

import aiohttp

from opsctl.alerts.receiver import Outcome, Receiver, Request, Response, RetryAfter

_MOST = 65_536


async def call(session: aiohttp.ClientSession, receiver: Receiver, request: Request) -> tuple[Outcome, bool]:
    """The outcome, and whether the message may have been taken although no good answer came."""
    timeout = aiohttp.ClientTimeout(total=receiver.channel.timeout)
    try:
        async with session.request(
            request.method, request.url, data=request.body or None, headers=dict(request.headers), timeout=timeout,
            allow_redirects=False,
        ) as answer:  # fmt: skip
            body = await answer.content.read(_MOST)
            return receiver.outcome(Response(answer.status, body)), False
    except aiohttp.ClientConnectorError as error:
        return RetryAfter(f"cannot connect: {error.os_error.strerror or error.os_error}"), False
    except aiohttp.InvalidURL:
        return RetryAfter("not a URL that can be called"), False
    except TimeoutError:
        return RetryAfter(f"no answer within {receiver.channel.timeout:g} s"), True
    except (aiohttp.ClientError, ConnectionError, OSError) as error:
        return RetryAfter(f"the answer broke off: {type(error).__name__}"), True
