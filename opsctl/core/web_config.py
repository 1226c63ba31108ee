"""The file of `--web.config.file`: TLS, users, headers of a server of ours. Source: prometheus/exporter-toolkit."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import bcrypt

from opsctl.core.document import Path_, Source, convert, document, read

_VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1, "TLS11": ssl.TLSVersion.TLSv1_1, "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}  # fmt: skip
_CLIENTS = {
    "": ssl.CERT_NONE, "NoClientCert": ssl.CERT_NONE, "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}  # fmt: skip
_ELSEWHERE = ("RequestClientCert", "RequireAnyClientCert")
_HEADERS = (
    "content-security-policy", "x-frame-options", "x-content-type-options", "x-xss-protection",
    "strict-transport-security",
)  # fmt: skip
Version = Literal["TLS10", "TLS11", "TLS12", "TLS13"]


@document
class TlsServerConfig:
    """Certificate and key (relative to the file), and whether clients show one of their own."""

    cert_file: str = ""
    key_file: str = ""
    client_auth_type: str = ""
    client_ca_file: str = ""
    client_allowed_sans: tuple[str, ...] = ()
    cipher_suites: tuple[str, ...] = ()
    curve_preferences: tuple[str, ...] = ()
    prefer_server_cipher_suites: bool = True
    min_version: Version = "TLS12"
    max_version: Version = "TLS13"


@document
class HttpServerConfig:
    """`http2` is taken, and HTTP/1.1 spoken; `headers` are added to every answer."""

    http2: bool = True
    headers: dict[str, str] = field(default_factory=dict)


@document
class WebConfigOf:
    """All of the file; `basic_auth_users`: name → bcrypt hash."""

    tls_server_config: TlsServerConfig | None = None
    http_server_config: HttpServerConfig = field(default_factory=HttpServerConfig)
    basic_auth_users: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class WebConfig:
    """What a server goes by. `tls` None: plain HTTP; no users: everybody may call."""

    tls: ssl.SSLContext | None = None
    users: tuple[tuple[str, bytes], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()


def load_web_config(path: Path) -> WebConfig:
    """Reads the file. Raises DocumentError."""
    source = read(path)
    made = convert(source, WebConfigOf)
    return WebConfig(_tls(source, made.tls_server_config, path.parent), _users(source, made), _headers(source, made))


def _tls(source: Source, made: TlsServerConfig | None, root: Path) -> ssl.SSLContext | None:
    if made is None:
        return None
    place: Path_ = ("tls_server_config",)
    for key, wanted in (("cert_file", made.cert_file), ("key_file", made.key_file)):
        if not wanted:
            raise source.refuse((*place, key), "is required")
    for key in ("cipher_suites", "curve_preferences", "client_allowed_sans"):
        if getattr(made, key):
            raise source.refuse((*place, key), "is a key of Prometheus that opsctl does not have", "leave it out")
    if made.client_auth_type in _ELSEWHERE or made.client_auth_type not in _CLIENTS:
        hint = f"one of: {', '.join(name for name in _CLIENTS if name)}"
        raise source.refuse((*place, "client_auth_type"), f"{made.client_auth_type!r} is not spoken here", hint)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.maximum_version = _VERSIONS[made.min_version], _VERSIONS[made.max_version]
    try:
        context.load_cert_chain(root / made.cert_file, root / made.key_file)
        if made.client_ca_file:
            context.load_verify_locations(root / made.client_ca_file)
    except OSError as error:  # an SSLError is one
        raise source.refuse(place, f"cannot use its files: {error.strerror or error}") from error
    context.verify_mode = _CLIENTS[made.client_auth_type]
    if context.verify_mode is not ssl.CERT_NONE and not made.client_ca_file:
        raise source.refuse((*place, "client_ca_file"), f"is required for {made.client_auth_type}")
    return context


def _users(source: Source, made: WebConfigOf) -> tuple[tuple[str, bytes], ...]:
    for name, hashed in made.basic_auth_users.items():
        try:
            bcrypt.checkpw(b"", hashed.encode())
        except ValueError as error:
            hint = "e.g. from: htpasswd -nBC 10 NAME"
            raise source.refuse(("basic_auth_users", name), "is not a bcrypt hash", hint) from error
    return tuple((name, hashed.encode()) for name, hashed in made.basic_auth_users.items())


def _headers(source: Source, made: WebConfigOf) -> tuple[tuple[str, str], ...]:
    for name in made.http_server_config.headers:
        if name.lower() not in _HEADERS:
            place: Path_ = ("http_server_config", "headers", name)
            raise source.refuse(place, "is a header that cannot be set", f"one of: {', '.join(_HEADERS)}")
    return tuple(made.http_server_config.headers.items())
