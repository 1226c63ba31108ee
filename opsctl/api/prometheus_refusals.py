"""What Prometheus has and this server lacks, or has behind a flag: refused in its words, or by name."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from opsctl.api.prometheus_errors import ApiError
from opsctl.api.prometheus_routing import plain_error


async def admin_off(_: Request) -> Response:
    """Deleting series, cleaning tombstones, snapshots: never over the API."""
    raise ApiError("unavailable", "admin APIs disabled")


async def drop_series(_: Request) -> Response:
    """Prometheus has no such thing either."""
    raise ApiError("internal", "not implemented")


async def read_lacking(_: Request) -> Response:
    return plain_error("remote read is not supported by this server; ask /api/v1/query_range", 501)


async def otlp_closed(_: Request) -> Response:
    return plain_error("otlp write receiver needs to be enabled with --web.enable-otlp-receiver", 404)
