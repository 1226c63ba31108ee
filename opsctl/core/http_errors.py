"""Why a request failed, in the words of Go's HTTP client, which people and their alerts know from Prometheus."""

from __future__ import annotations

import errno
import socket
from urllib.parse import urlsplit

import aiohttp

from opsctl.core.errors import OpsctlError

DEADLINE = "context deadline exceeded"


def failure_text(error: BaseException, url: str, method: str = "Get") -> str:
    """`Get "http://h:1/": dial tcp h:1: connect: connection refused`, and the like; else the error's own words."""
    if isinstance(error, aiohttp.ClientPayloadError):
        return "unexpected EOF"
    if isinstance(error, aiohttp.TooManyRedirects):
        url = error.history[-1].headers.get("Location", url) if error.history else url
    said = _cause(error, url)
    return f'{method} "{url}": {said}' if said else str(error) or type(error).__name__


def _cause(error: BaseException, url: str) -> str:
    if isinstance(error, OpsctlError):
        return error.message
    if isinstance(error, TimeoutError):
        return DEADLINE
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"dial tcp: lookup {error.host}: no such host"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"tls: failed to verify certificate: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        host = f"[{error.host}]" if ":" in error.host else error.host
        return f"dial tcp {host}:{error.port}: connect: {_refusal(error.os_error)}"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "EOF"
    if isinstance(error, aiohttp.TooManyRedirects):
        return "stopped after 10 redirects"
    if isinstance(error, aiohttp.NonHttpUrlClientError):
        return f'unsupported protocol scheme "{urlsplit(url).scheme}"'
    if isinstance(error, ConnectionResetError):
        return "read: connection reset by peer"
    return ""


def _refusal(error: OSError) -> str:
    known = {
        errno.ECONNREFUSED: "connection refused", errno.EHOSTUNREACH: "no route to host",
        errno.ENETUNREACH: "network is unreachable", errno.ETIMEDOUT: "connection timed out",
    }  # fmt: skip
    if isinstance(error, socket.gaierror):
        return "no such host"
    return known.get(error.errno or 0) or error.strerror or str(error)
