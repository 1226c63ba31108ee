"""Sends requests as HttpSettings say; secrets and certificates are read anew, so that they can be renewed."""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import aiohttp
from yarl import URL

from opsctl import __version__
from opsctl.core.errors import OpsctlError
from opsctl.core.http_plain import Answer, PlainHttp
from opsctl.core.http_proxy import proxy_for
from opsctl.core.http_settings import HttpSettings, OAuth2, ProxySettings, TlsConfig
from opsctl.core.oauth import Tokens

USER_AGENT = f"Prometheus/3.0.0 opsctl/{__version__}"
"""Servers decide by the first word what they may answer."""
_TOKEN_BYTES = 1 << 20
_CREDENTIALS = "authorization credentials"
_TLS_VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1, "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3,
}  # fmt: skip
_Stamp = tuple[int, ...]
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
        self._tokens: dict[str, Tokens] = {}

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
        straight = not (self._proxied or settings.oauth2 is not None or proxy_for(url, settings, os.environ))
        way = plain_way(url) if straight else None
        if way is not None:
            sent = {"User-Agent": USER_AGENT, **own_headers(settings, root), **headers}
            answer = await self._plain.request(method, way[0], way[1], sent, data)
            if not (settings.follow_redirects and answer.status in _REDIRECTS):
                return answer
        async with self.request(method, url, settings, root, headers, data or None) as found:
            return Answer(found.status, await found.content.read(most))

    @asynccontextmanager
    async def request(
        self, method: str, url: str, settings: HttpSettings, root: str, headers: Mapping[str, str],
        data: bytes | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:  # fmt: skip
        """A request; files in `settings` are relative to `root`. Raises CannotPrepare, and what aiohttp raises."""
        sent = {"User-Agent": USER_AGENT, **own_headers(settings, root), **headers}
        if settings.oauth2 is not None:
            sent["Authorization"] = await self._token(settings.oauth2, root)
        way = self._way(url, settings, settings.tls_config, root)
        written = URL(url, encoded=url.isascii() and " " not in url)  # else `%2F` in a query is sent as `/`
        async with self._session.request(
            method, written, headers=sent, data=data, allow_redirects=settings.follow_redirects, **way
        ) as answer:
            yield answer

    def _way(self, url: str, proxy: ProxySettings, tls: TlsConfig, root: str) -> dict[str, Any]:
        """TLS and proxy, as aiohttp takes them."""
        way: dict[str, Any] = {"ssl": self._context(tls, root)}
        if tls.server_name:
            way["server_hostname"] = tls.server_name
        through = proxy_for(url, proxy, os.environ)
        if through:
            shown = {name: ", ".join(values) for name, values in proxy.proxy_connect_header.items()}
            way |= {"proxy": through, "proxy_headers": shown}
        return way

    async def _token(self, settings: OAuth2, root: str) -> str:
        tokens = self._tokens.get(root)
        if tokens is None:
            tokens = self._tokens[root] = Tokens(
                lambda asked, headers, form: self._post_form(asked, root, headers, form)
            )
        return await tokens.header(
            settings, settings.client_secret or secret(settings.client_secret_file, root, "oauth2 client secret")
        )

    async def _post_form(
        self, asked: OAuth2, root: str, headers: Mapping[str, str], form: bytes
    ) -> tuple[int, bytes]:  # fmt: skip
        sent = {"User-Agent": USER_AGENT, "Content-Type": "application/x-www-form-urlencoded", **headers}
        way = self._way(asked.token_url, asked, asked.tls_config, root)
        async with self._session.post(asked.token_url, headers=sent, data=form, **way) as answer:
            return answer.status, await answer.content.read(_TOKEN_BYTES)

    def _context(self, tls: TlsConfig, root: str) -> ssl.SSLContext | bool:
        """The same object as long as its files stay the same: connections are kept by it."""
        if tls == TlsConfig(server_name=tls.server_name):
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
        context = ssl.create_default_context(
            cafile=str(Path(root) / tls.ca_file) if tls.ca_file else None, cadata=tls.ca or None
        )
        if tls.cert or tls.cert_file:
            _show(context, tls, root)
    except OSError as error:  # an SSLError is one
        files = ", ".join(file for file in (tls.ca_file, tls.cert_file, tls.key_file) if file)
        what = f"cannot use {files}" if files else "cannot use the certificates"
        raise CannotPrepare(f"tls_config: {what}: {error.strerror or error}") from error
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.min_version:
        context.minimum_version = _TLS_VERSIONS[tls.min_version]
    if tls.max_version:
        context.maximum_version = _TLS_VERSIONS[tls.max_version]
    return context


def _show(context: ssl.SSLContext, tls: TlsConfig, root: str) -> None:
    """Our certificate; OpenSSL takes it from files only, so inline ones stand in a folder for a moment."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, file, text in (("cert", tls.cert_file, tls.cert), ("key", tls.key_file, tls.key)):
            path = Path(root) / file if file else Path(folder) / name
            if not file:
                path.write_text(text, encoding="utf-8")
            paths.append(path)
        context.load_cert_chain(paths[0], paths[1])


def own_headers(settings: HttpSettings, root: str) -> dict[str, str]:
    """The headers that settings ask for, credentials among them. Raises CannotPrepare."""
    found = {}
    for name, header in settings.http_headers.items():
        files = (secret(file, root, f"HTTP header {name}") for file in header.files)
        found[name] = ", ".join((*header.values, *header.secrets, *files))
    credentials = _credentials(settings, root)
    return {**found, "Authorization": credentials} if credentials else found


def _credentials(settings: HttpSettings, root: str) -> str:
    if settings.basic_auth is not None:
        auth = settings.basic_auth
        user = auth.username or secret(auth.username_file, root, "basic auth username")
        password = auth.password or secret(auth.password_file, root, "basic auth password")
        return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
    if settings.authorization is not None:
        held = settings.authorization
        return (
            f"{held.type.strip() or 'Bearer'} {held.credentials or secret(held.credentials_file, root, _CREDENTIALS)}"
        )
    token = settings.bearer_token or secret(settings.bearer_token_file, root, _CREDENTIALS)
    return f"Bearer {token}" if token else ""


def secret(file: str, root: str, what: str) -> str:
    """What a file holds, without the blanks around it; '' for no file. Raises CannotPrepare that says `what` it was."""
    if not file:
        return ""
    try:
        return (Path(root) / file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        path = Path(root) / file
        why = f"open {path}: {_reason(error)}"
        raise CannotPrepare(f"unable to read {what}: unable to read file {path}: {why}") from error


def _reason(error: Exception) -> str:
    said = getattr(error, "strerror", "") or str(error)
    return said[:1].lower() + said[1:]


def _changed(file: str, root: str) -> int:
    try:
        return (Path(root) / file).stat().st_mtime_ns
    except OSError as error:
        path = Path(root) / file
        why = f"open {path}: {_reason(error)}"
        raise CannotPrepare(f"unable to read certificate: unable to read file {path}: {why}") from error
