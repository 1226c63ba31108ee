"""What Prometheus has behind a flag, refused in its words while the flag is off."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from opsctl.api.prometheus_params import ApiError


async def admin_off(_: Request) -> Response:
    """Deleting series, cleaning tombstones, snapshots: never over the API."""
    raise ApiError("unavailable", "admin APIs disabled")
