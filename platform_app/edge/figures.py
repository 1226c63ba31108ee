"""The figures and log lines of the edge."""

from __future__ import annotations

from starlette.types import Scope

from platform_app.kit.log import Log
from platform_app.kit.metrics import Metrics

log = Log("platform.http")
_SLOW = 1.0


class Figures:
    """Requests by route and status, refusals by limit, services that could not be reached."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self.limited = metrics.counter("edge_rate_limited_total", "Requests refused by a limit.", ("limit",))
        self.upstream_errors = metrics.counter(
            "edge_upstream_errors_total", "Requests whose service gave no answer.", ("upstream", "reason")
        )

        self.revoked = metrics.counter("edge_revoked_tokens_total", "Requests refused: the token was revoked.")
        self.revoked_heard = metrics.gauge(
            "edge_revocations_heard_seconds", "When users last told which tokens were revoked (epoch seconds)."
        )

    def answered(self, scope: Scope, route: str, status: int, seconds: float) -> None:
        """Counts a request; logs it when it was unsafe, failed or slow."""
        method = scope["method"]
        self._metrics.requests.labels("edge", method, route, str(status)).inc()
        self._metrics.duration.labels("edge", method, route).observe(seconds)
        if status >= 400 or method not in ("GET", "HEAD") or seconds > _SLOW:
            write = log.error if status >= 500 else log.info
            write(
                "request",
                **{
                    "http.request.method": method,
                    "url.path": scope["path"],
                    "http.response.status_code": status,
                    "event.duration": int(seconds * 1e9),
                    "http.route": route,
                    "client.ip": (scope.get("client") or ("",))[0],
                },
            )
