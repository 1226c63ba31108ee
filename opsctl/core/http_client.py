"""Sends requests as HttpSettings say; secrets and certificates are read anew, so that they can be renewed."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import aiohttp

from opsctl import __version__
from opsctl.core.errors import OpsctlError
from opsctl.core.http_plain import Answer, PlainHttp
from opsctl.core.http_settings import HttpSettings, TlsConfig

_Stamp = tuple[int, ...]
_AGENT = f"opsctl/{__version__}"
_MOST = 65_536
_REDIRECTS = (301, 302, 303, 307, 308)


class CannotPrepare(OpsctlError):
    """A request cannot even be made: a file with a secret or a certificate is missing or bad."""


class HttpClient:
    """One session for all; connections are kept open, and shared by those whose TLS settings are the same.

    Bodies come as they were sent: whoever reads them decompresses them, with a limit.
    """

    def __init__(self, trust_env: bool = False) -> None:
        """`trust_env`: whether proxies of the environment are used."""
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=90)
        self._session = aiohttp.ClientSession(
            connector=connector, trust_env=trust_env and bool(getproxies()), auto_decompress=False
        )
        self._proxied = trust_env and bool(getproxies())
        self._plain = PlainHttp(_MOST)
        self._contexts: dict[tuple[TlsConfig, str], tuple[_Stamp, ssl.SSLContext]] = {}

    async def close(self) -> None:
        self._plain.close()
        await self._session.close()

    async def exchange(
        self, method: str, url: str, settings: HttpSettings, root: str, headers: Mapping[str, str], data: bytes,
        most: int,
    ) -> Answer:  # fmt: skip
        """A request and the first `most` bytes of its answer; plain HTTP takes the short way.

        Raises CannotPrepare, CannotConnect, BrokenOff, and what aiohttp raises.
        """
        way = None if self._proxied else plain_way(url)
        if way is not None:
            sent = {"User-Agent": _AGENT, **own_headers(settings, root), **headers}
            answer = await self._plain.request(method, way[0], way[1], sent, data)
            if not (settings.follow_redirects and answer.status in _REDIRECTS):
                return answer
        async with self.request(method, url, settings, root, headers, data or None) as found:
            return Answer(found.status, await found.content.read(most))

    def request(
        self, method: str, url: str, settings: HttpSettings, root: str, headers: Mapping[str, str],
        data: bytes | None = None,
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:  # fmt: skip
        """A request; files in `settings` are relative to `root`. Raises CannotPrepare, and what aiohttp raises."""
        tls = settings.tls_config
        sent = {"User-Agent": _AGENT, **own_headers(settings, root), **headers}
        more: dict[str, Any] = {"server_hostname": tls.server_name} if tls.server_name else {}
        return self._session.request(
            method, url, headers=sent, data=data, allow_redirects=settings.follow_redirects,
            ssl=self._context(tls, root), **more,
        )  # fmt: skip

    def _context(self, tls: TlsConfig, root: str) -> ssl.SSLContext | bool:
        """The same object as long as its files stay the same: connections are kept by it."""
        if not (tls.ca_file or tls.cert_file or tls.insecure_skip_verify):
            return True
        stamp = tuple(_changed(file, root) for file in (tls.ca_file, tls.cert_file, tls.key_file) if file)
        known = self._contexts.get((tls, root))
        if known is None or known[0] != stamp:
            known = self._contexts[tls, root] = stamp, ssl_context(tls, root)
        return known[1]


@lru_cache(maxsize=1024)
def plain_way(url: str) -> tuple[tuple[str, int], str] | None:
    """(host, port) and target of a simple http:// URL; None for any that needs more than that."""
    if not url.startswith("http://") or not url.isascii() or any(c <= " " or c in '"<>\\^`{|}\x7f' for c in url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError:
        return None
    if not parts.hostname or "@" in parts.netloc:
        return None
    return (parts.hostname, port), (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def ssl_context(tls: TlsConfig, root: str) -> ssl.SSLContext:
    """What TLS settings ask for. Raises CannotPrepare."""
    try:
        context = ssl.create_default_context(cafile=str(Path(root) / tls.ca_file) if tls.ca_file else None)
        if tls.cert_file:
            context.load_cert_chain(Path(root) / tls.cert_file, Path(root) / tls.key_file)
    except OSError as error:  # an SSLError is one
        files = ", ".join(file for file in (tls.ca_file, tls.cert_file, tls.key_file) if file)
        raise CannotPrepare(f"tls_config: cannot use {files}: {error.strerror or error}") from error
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def own_headers(settings: HttpSettings, root: str) -> dict[str, str]:
    """The headers that settings ask for, credentials among them. Raises CannotPrepare."""
    found = {}
    for name, header in settings.http_headers.items():
        files = (secret(file, root) for file in header.files)
        found[name] = ", ".join((*header.values, *header.secrets, *files))
    credentials = _credentials(settings, root)
    return {**found, "Authorization": credentials} if credentials else found


def _credentials(settings: HttpSettings, root: str) -> str:
    if settings.basic_auth is not None:
        auth = settings.basic_auth
        user = auth.username or secret(auth.username_file, root)
        password = auth.password or secret(auth.password_file, root)
        return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
    if settings.authorization is not None:
        held = settings.authorization
        return f"{held.type} {held.credentials or secret(held.credentials_file, root)}"
    token = settings.bearer_token or secret(settings.bearer_token_file, root)
    return f"Bearer {token}" if token else ""


def secret(file: str, root: str) -> str:
    """What a file holds, without the blanks around it; '' for no file. Raises CannotPrepare."""
    if not file:
        return ""
    try:
        return (Path(root) / file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CannotPrepare(f"cannot read {file}: {getattr(error, 'strerror', '') or error}") from error


def _changed(file: str, root: str) -> int:
    try:
        return (Path(root) / file).stat().st_mtime_ns
    except OSError as error:
        raise CannotPrepare(f"cannot read {file}: {error.strerror}") from error
