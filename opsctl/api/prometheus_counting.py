"""Counts requests as Prometheus does: by route and code, how long they took, how large the answers were."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.responses import Response

_SECONDS = (0.1, 0.2, 0.4, 1, 3, 8, 20, 60, 120)
_BYTES = tuple(100.0 * 10**n for n in range(8))


class HttpFigures:
    """prometheus_http_*; the handler is the route, never a raw path."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter("prometheus_http_requests", "HTTP requests.", ["handler", "code"], registry=registry)
        self._seconds = Histogram(
            "prometheus_http_request_duration_seconds", "How long HTTP requests took.", ["handler"],
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self._bytes = Histogram(
            "prometheus_http_response_size_bytes", "Size of HTTP answers.", ["handler"], buckets=_BYTES, registry=registry
        )  # fmt: skip

    def known(self, handler: str) -> None:
        """A route that may be taken: counted from 0 on."""
        self._requests.labels(handler, "200")

    def clock(self) -> float:
        return time.perf_counter()

    def took(self, handler: str, response: Response, seconds: float) -> None:
        self._requests.labels(handler, str(response.status_code)).inc()
        self._seconds.labels(handler).observe(seconds)
        self._bytes.labels(handler).observe(len(getattr(response, "body", b"")))
