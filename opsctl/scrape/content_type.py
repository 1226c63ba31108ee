"""Which formats are asked for, and which one a page is in. Source: Prometheus 3, scrape acceptHeader, model/textparse."""

from __future__ import annotations

from email.message import Message
from functools import lru_cache

from opsctl.scrape.config.common import Escaping, Protocol

_TEXT, _OPENMETRICS, _PROTOBUF = "text/plain", "application/openmetrics-text", "application/vnd.google.protobuf"
_MEDIA: dict[Protocol, str] = {
    "OpenMetricsText1.0.0": "application/openmetrics-text;version=1.0.0",
    "OpenMetricsText0.0.1": "application/openmetrics-text;version=0.0.1",
    "PrometheusText1.0.0": "text/plain;version=1.0.0",
    "PrometheusText0.0.4": "text/plain;version=0.0.4",
}
_ESCAPED = ("OpenMetricsText1.0.0", "PrometheusText1.0.0")
_HIGHEST = 6


class UnknownFormat(ValueError):
    """The page says no format that is known, and the job has no fallback for it."""


@lru_cache(maxsize=100)
def accept_header(protocols: tuple[Protocol, ...], escaping: Escaping) -> str:
    """What a job asks for, the most wanted first. Protobuf is not asked for: opsctl does not read it."""
    asked = [protocol for protocol in protocols if protocol in _MEDIA]
    found = []
    for weight, protocol in zip(range(_HIGHEST, 0, -1), asked, strict=False):
        escaped = f";escaping={escaping or 'allow-utf-8'}" if protocol in _ESCAPED else ""
        found.append(f"{_MEDIA[protocol]}{escaped};q=0.{weight}")
    return ",".join((*found, f"*/*;q=0.{_HIGHEST - len(found)}"))


def is_openmetrics(content_type: str, fallback: str | None) -> bool:
    """Whether a page is OpenMetrics, or else text. `fallback`: the job's fallback_scrape_protocol.

    Raises UnknownFormat.
    """
    media = _media_type(content_type)
    if media in (_TEXT, _OPENMETRICS):
        return media == _OPENMETRICS
    if media == _PROTOBUF:
        raise UnknownFormat(f'received Content-Type "{content_type[:80]}", and opsctl reads no protobuf')
    if fallback is not None:
        return fallback.startswith("OpenMetrics")
    if not content_type:
        said = "non-compliant scrape target sending blank Content-Type"
    elif not media:
        said = f'cannot parse Content-Type "{content_type[:80]}"'
    else:
        said = f'received unsupported Content-Type "{content_type[:80]}"'
    raise UnknownFormat(f"{said} and no fallback_scrape_protocol specified for target")


def _media_type(content_type: str) -> str:
    message = Message()
    message["Content-Type"] = content_type.replace("\n", " ").replace("\r", " ")
    return message.get_content_type() if "/" in content_type else ""
