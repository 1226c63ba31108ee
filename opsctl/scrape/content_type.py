"""Which format a page is in, by its Content-Type. Source: Prometheus 3, model/textparse extractMediaType."""

from __future__ import annotations

from email.message import Message

_TEXT, _OPENMETRICS = "text/plain", "application/openmetrics-text"


class UnknownFormat(ValueError):
    """The page says no format that is known, and the job has no fallback for it."""


def is_openmetrics(content_type: str, fallback: str | None) -> bool:
    """Whether a page is OpenMetrics, or else text. `fallback`: the job's fallback_scrape_protocol.

    Raises UnknownFormat.
    """
    media = _media_type(content_type)
    if media in (_TEXT, _OPENMETRICS):
        return media == _OPENMETRICS
    if fallback is not None:
        return fallback.startswith("OpenMetrics")
    said = f"unsupported Content-Type {content_type[:80]!r}" if content_type.strip() else "a blank Content-Type"
    raise UnknownFormat(f"the target sends {said}, and its job has no fallback_scrape_protocol")


def _media_type(content_type: str) -> str:
    message = Message()
    message["Content-Type"] = content_type.replace("\n", " ").replace("\r", " ")
    return message.get_content_type() if "/" in content_type else ""
