"""How to reach something over HTTP, as Prometheus' files say it. Source: prometheus/common config HTTPClientConfig."""

from __future__ import annotations

from dataclasses import field
from typing import Literal
from urllib.parse import urlsplit

from opsctl.core.document import document

_RESERVED = frozenset((
    "authorization", "host", "content-encoding", "content-length", "content-type", "user-agent", "connection",
    "keep-alive", "proxy-authenticate", "proxy-authorization", "www-authenticate", "accept-encoding",
    "transfer-encoding", "x-prometheus-remote-write-version", "x-prometheus-remote-read-version",
    "x-prometheus-scrape-timeout-seconds", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256",
))  # fmt: skip
Mistake = tuple[tuple[str, ...], str]
"""Where (a path below the settings) and what is wrong; ((), '') when nothing is."""
NONE: Mistake = ((), "")
TlsVersion = Literal["TLS10", "TLS11", "TLS12", "TLS13"]


@document
class BasicAuth:
    """A user name and a password, or the file that holds one."""

    username: str = ""
    username_file: str = ""
    password: str = ""
    password_file: str = ""

    def mistake(self) -> Mistake:
        for what in ("username", "password"):
            if getattr(self, what) and getattr(self, f"{what}_file"):
                return (), f"at most one of basic_auth {what} & {what}_file must be configured"
        return NONE


@document
class Authorization:
    """An Authorization header: `type credentials`."""

    type: str = "Bearer"
    credentials: str = ""
    credentials_file: str = ""

    def mistake(self) -> Mistake:
        if self.credentials and self.credentials_file:
            return (), "at most one of authorization credentials & credentials_file must be configured"
        if self.type.strip().lower() == "basic":
            return ("type",), 'authorization type cannot be set to "basic", use "basic_auth" instead'
        return NONE


@document
class TlsConfig:
    """Whom to trust (`ca`, else the system), who we are, and which name the server must have. Inline PEM or files."""

    ca: str = ""
    ca_file: str = ""
    cert: str = ""
    cert_file: str = ""
    key: str = ""
    key_file: str = ""
    server_name: str = ""
    insecure_skip_verify: bool = False
    min_version: TlsVersion | None = None
    max_version: TlsVersion | None = None

    def mistake(self) -> Mistake:
        for what in ("ca", "cert", "key"):
            if getattr(self, what) and getattr(self, f"{what}_file"):
                return (), f"at most one of {what} and {what}_file must be configured"
        cert, key = bool(self.cert or self.cert_file), bool(self.key or self.key_file)
        if cert and not key:
            return (), "exactly one of key or key_file must be configured when a client certificate is configured"
        if key and not cert:
            return (), "exactly one of cert or cert_file must be configured when a client key is configured"
        return NONE


@document
class ProxySettings:
    """Through which proxy: `proxy_url`, but not for hosts of `no_proxy`; or as the environment says."""

    proxy_url: str = ""
    no_proxy: str = ""
    proxy_from_environment: bool = False
    proxy_connect_header: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def proxy_mistake(self) -> Mistake:
        if self.proxy_connect_header and not (self.proxy_url or self.proxy_from_environment):
            said = "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured"
            return ("proxy_connect_header",), said
        if self.proxy_from_environment and self.proxy_url:
            return ("proxy_url",), "if proxy_from_environment is configured, proxy_url must not be configured"
        if self.proxy_from_environment and self.no_proxy:
            return ("no_proxy",), "if proxy_from_environment is configured, no_proxy must not be configured"
        if self.no_proxy and not self.proxy_url:
            return ("no_proxy",), "if no_proxy is configured, proxy_url must also be configured"
        wrong = url_mistake(self.proxy_url)
        return (("proxy_url",), wrong) if wrong else NONE


@document
class OAuth2(ProxySettings):
    """Where to get a token as a client with a secret (the client credentials of RFC 6749)."""

    client_id: str = ""
    client_secret: str = ""
    client_secret_file: str = ""
    token_url: str = ""
    scopes: tuple[str, ...] = ()
    endpoint_params: dict[str, str] = field(default_factory=dict)
    tls_config: TlsConfig = field(default_factory=TlsConfig)

    def mistake(self) -> Mistake:
        if not self.client_id:
            return (), "oauth2 client_id must be configured"
        if not self.token_url:
            return (), "oauth2 token_url must be configured"
        if self.client_secret and self.client_secret_file:
            return (), "at most one of oauth2 client_secret & client_secret_file must be configured"
        wrong = url_mistake(self.token_url)
        if wrong:
            return ("token_url",), wrong
        return _below("tls_config", self.tls_config.mistake()) or self.proxy_mistake()


@document
class HttpHeader:
    """The values of a header: in the open, secret, or one to a file."""

    values: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


@document
class HttpSettings(ProxySettings):
    """The keys that every HTTP client in prometheus.yml has. `enable_http2` is taken, and HTTP/1.1 spoken."""

    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    oauth2: OAuth2 | None = None
    bearer_token: str = ""
    bearer_token_file: str = ""
    tls_config: TlsConfig = field(default_factory=TlsConfig)
    http_headers: dict[str, HttpHeader] = field(default_factory=dict)
    follow_redirects: bool = True
    enable_http2: bool = True

    def mistake(self) -> Mistake:
        """Where (path below these settings) and what does not go together; ((), '') when all does."""
        together = self._together()
        if together:
            return (), together
        for name in ("basic_auth", "authorization", "oauth2", "tls_config"):
            part = getattr(self, name)
            found = _below(name, part.mistake()) if part is not None else None
            if found:
                return found
        for name in self.http_headers:
            if name.lower() in _RESERVED:
                return ("http_headers", name), f'setting header "{name}" is not allowed'
        return self.proxy_mistake()

    def _together(self) -> str:
        """Credentials that exclude each other."""
        bearer = [bool(self.bearer_token), bool(self.bearer_token_file)]
        if all(bearer):
            return "at most one of bearer_token & bearer_token_file must be configured"
        if (self.basic_auth is not None or self.oauth2 is not None) and any(bearer):
            return "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured"
        if self.authorization is not None and any(bearer):
            return "authorization is not compatible with bearer_token & bearer_token_file"
        if sum(one is not None for one in (self.basic_auth, self.authorization, self.oauth2)) > 1:
            return "at most one of basic_auth, oauth2 & authorization must be configured"
        return ""


def _below(name: str, found: Mistake) -> Mistake | None:
    return ((name, *found[0]), found[1]) if found[1] else None


def url_mistake(url: str) -> str:
    """What keeps a text from being a URL, or ''."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        return f'parse "{url}": {error}'
    if any(c <= " " or c == "\x7f" for c in url):
        return f'parse "{url}": invalid character in URL'
    if url.startswith(":"):
        return f'parse "{url}": missing protocol scheme'
    head = url.partition("://")[0] if "://" in url else ""
    if head and not (head[0].isalpha() and head.replace("+", "").replace("-", "").replace(".", "").isalnum()):
        return f'parse "{url}": first path segment in URL cannot contain colon'
    return ""
