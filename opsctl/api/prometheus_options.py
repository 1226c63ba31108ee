"""How the API is served, as Prometheus' --web.* flags say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from opsctl.api.prometheus_cors import ANY

TITLE = "Prometheus Time Series Collection and Processing Server"


@dataclass(frozen=True, kw_only=True)
class WebOptions:
    """`flags`: shown on status/flags; `quit`: called when the process is asked to end; `admin`: the admin API is wished."""

    external_url: str
    listen: str = ""
    route_prefix: str = ""
    """'' for the path of `external_url`."""
    cors_origin: str = ANY
    page_title: str = TITLE
    lifecycle: bool = False
    admin: bool = False
    flags: Mapping[str, str] = field(default_factory=dict)
    quit: Callable[[], None] = lambda: None

    @property
    def external_path(self) -> str:
        """The path of the external URL without a slash at its end: '' or `/path`."""
        return urlsplit(self.external_url).path.rstrip("/")

    @property
    def prefix(self) -> str:
        """What all paths begin with: '' or `/path`."""
        wished = (self.route_prefix or self.external_path).strip("/")
        return f"/{wished}" if wished else ""

    def global_url(self, url: str) -> str:
        """A target's URL as others reach it: `localhost` there is another host. Source: api.go getGlobalURL."""
        target, own = urlsplit(url), urlsplit(self.external_url)
        if target.hostname not in ("127.0.0.1", "localhost", "::1"):
            return url
        port = target.netloc.rpartition(":")[2] if target.port else ""
        if port and port == self.listen.rpartition(":")[2]:
            return target._replace(scheme=own.scheme, netloc=own.netloc).geturl()
        host = f"[{own.hostname}]" if ":" in (own.hostname or "") else own.hostname
        return target._replace(netloc=f"{host}:{port}" if port else str(host)).geturl()
