"""How to reach something over HTTP, as Prometheus' files say it: credentials, TLS, headers, redirects."""

from __future__ import annotations

from dataclasses import field

from opsctl.core.document import document

_OUR_HEADERS = frozenset((
    "accept", "accept-encoding", "authorization", "connection", "content-encoding", "content-length", "content-type",
    "host", "transfer-encoding", "user-agent", "x-prometheus-scrape-timeout-seconds",
    "x-prometheus-remote-write-version",
))  # fmt: skip


@document
class BasicAuth:
    """A user name and a password, or the file that holds one."""

    username: str = ""
    username_file: str = ""
    password: str = ""
    password_file: str = ""


@document
class Authorization:
    """An Authorization header: `type credentials`."""

    type: str = "Bearer"
    credentials: str = ""
    credentials_file: str = ""


@document
class TlsConfig:
    """Whom to trust (`ca_file`, else the system), who we are, and which name the server must have."""

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    server_name: str = ""
    insecure_skip_verify: bool = False


@document
class HttpHeader:
    """The values of a header: in the open, secret, or one to a file."""

    values: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


@document
class HttpSettings:
    """The keys that every HTTP client in prometheus.yml has. `enable_http2` is taken, and HTTP/1.1 spoken."""

    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    bearer_token: str = ""
    bearer_token_file: str = ""
    tls_config: TlsConfig = field(default_factory=TlsConfig)
    http_headers: dict[str, HttpHeader] = field(default_factory=dict)
    follow_redirects: bool = True
    enable_http2: bool = True

    def mistake(self) -> tuple[tuple[str, ...], str]:
        """Where (path below these settings) and what does not go together; ((), '') when all does."""
        secrets = (self.basic_auth, self.authorization, self.bearer_token or None, self.bearer_token_file or None)
        if sum(s is not None for s in secrets) > 1:
            return (), "takes one of basic_auth, authorization, bearer_token, bearer_token_file"
        if self.authorization is not None and self.authorization.type.strip().lower() == "basic":
            return ("authorization", "type"), "cannot be Basic, use basic_auth"
        if bool(self.tls_config.cert_file) != bool(self.tls_config.key_file):
            return ("tls_config",), "needs cert_file and key_file together"
        for name in self.http_headers:
            if name.lower() in _OUR_HEADERS:
                return ("http_headers", name), "is a header that cannot be set"
        return (), ""
