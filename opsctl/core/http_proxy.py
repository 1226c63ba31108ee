"""Which proxy a request goes through. Pure. Source: golang.org/x/net/http/httpproxy."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from opsctl.core.http_settings import ProxySettings

_PORTS = {"http": "80", "https": "443"}


def proxy_for(url: str, settings: ProxySettings, environment: Mapping[str, str]) -> str:
    """The proxy's URL, or '' for none. Of the environment: HTTP_PROXY, HTTPS_PROXY, NO_PROXY, in either case."""
    if settings.proxy_from_environment:
        scheme = urlsplit(url).scheme
        return _unless_excepted(url, _variable(environment, f"{scheme}_proxy"), _variable(environment, "no_proxy"))
    if settings.no_proxy:
        return _unless_excepted(url, settings.proxy_url, settings.no_proxy)
    return settings.proxy_url


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name.upper()) or environment.get(name, "")


def _unless_excepted(url: str, proxy: str, exceptions: str) -> str:
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    port = str(parts.port or _PORTS.get(parts.scheme, ""))
    if not proxy or host == "localhost" or _is_loopback(host):
        return ""
    if any(_matches(one.strip().lower(), host, port) for one in exceptions.split(",") if one.strip()):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _matches(exception: str, host: str, port: str) -> bool:
    """`*`, an address, a network, a domain with all below it, `.domain` for only those below; each may have a port."""
    if exception == "*":
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(exception, strict=False)
    except ValueError:
        name, colon, wanted = exception.rpartition(":")
    if colon and wanted.isdigit():
        if wanted != port:
            return False
        exception = name.strip("[]")
    below = exception if exception.startswith(".") else f".{exception.removeprefix('*.')}"
    return host == exception or host.endswith(below)
