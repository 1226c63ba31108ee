"""Tokens for clients with a secret. Source: RFC 6749, section 4.4; how Go's oauth2 asks."""

from __future__ import annotations

import base64
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote_plus, urlencode

import orjson

from opsctl.core.errors import OpsctlError
from opsctl.core.http_settings import OAuth2

_EARLY = 10.0
"""So many seconds before its end a token is asked for anew."""
Post = Callable[[OAuth2, Mapping[str, str], bytes], Awaitable[tuple[int, bytes]]]
"""Posts a form to the token URL: status and body."""


class NoToken(OpsctlError):
    """The token server gave none."""


@dataclass(frozen=True)
class _Token:
    header: str
    until: float


class Tokens:
    """Keeps a token for each client until shortly before it ends."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._held: dict[tuple[OAuth2Key, str], _Token] = {}

    async def header(self, settings: OAuth2, secret: str) -> str:
        """The Authorization header. Raises NoToken, and what `post` raises."""
        key = (_key(settings), secret)
        held = self._held.get(key)
        if held is None or time.monotonic() >= held.until:
            held = self._held[key] = await self._ask(settings, secret)
        return held.header

    async def _ask(self, settings: OAuth2, secret: str) -> _Token:
        """The secret in a header, and where that is refused, in the form."""
        form = {"grant_type": "client_credentials", **settings.endpoint_params}
        if settings.scopes:
            form["scope"] = " ".join(settings.scopes)
        basic = base64.b64encode(f"{quote_plus(settings.client_id)}:{quote_plus(secret)}".encode()).decode()
        status, body = await self._post(settings, {"Authorization": f"Basic {basic}"}, urlencode(form).encode())
        if status // 100 != 2:
            form |= {"client_id": settings.client_id, "client_secret": secret}
            status, body = await self._post(settings, {}, urlencode(form).encode())
        return _token(settings.token_url, status, body)


OAuth2Key = tuple[str, str, tuple[str, ...], tuple[tuple[str, str], ...]]


def _key(settings: OAuth2) -> OAuth2Key:
    params = tuple(sorted(settings.endpoint_params.items()))
    return settings.token_url, settings.client_id, settings.scopes, params


def _token(url: str, status: int, body: bytes) -> _Token:
    if status // 100 != 2:
        raise NoToken(f"oauth2: cannot fetch token from {url}: HTTP {status}: {body[:200].decode(errors='replace')}")
    try:
        said = orjson.loads(body)
        token, kind = str(said["access_token"]), str(said.get("token_type") or "Bearer")
        seconds = float(said.get("expires_in") or 0)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoToken(f"oauth2: server response of {url} is missing access_token") from error
    kind = {"bearer": "Bearer", "mac": "MAC", "basic": "Basic"}.get(kind.lower(), kind)
    return _Token(f"{kind} {token}", time.monotonic() + seconds - _EARLY if seconds else float("inf"))
