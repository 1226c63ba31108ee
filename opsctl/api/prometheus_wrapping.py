"""What every endpoint of /api/v1 shares: errors as JSON, headers for other origins, packed bodies."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from opsctl.api.prometheus_compression import packed
from opsctl.api.prometheus_cors import Cors
from opsctl.api.prometheus_errors import ApiError
from opsctl.api.prometheus_json import failure
from opsctl.api.prometheus_routing import Handler
from opsctl.core.errors import Unreachable
from opsctl.core.log import Log

LOG = Log("opsctl.api.prometheus")


def wrapped(handler: Handler, cors: Cors) -> Handler:
    """The handler as Prometheus' API serves it."""
    return compressed(shared(handler, cors))


def shared(handler: Handler, cors: Cors) -> Handler:
    """The handler with errors as JSON and with the headers for other origins, its body as it is."""

    async def answer(request: Request) -> Response:
        response = await _answered(handler, request)
        response.headers.update(cors.headers(request.headers))
        return response

    return answer


def compressed(handler: Handler) -> Handler:
    """The handler with packed bodies alone."""

    async def answer(request: Request) -> Response:
        return await packed(await handler(request), request.headers.get("accept-encoding", ""))

    return answer


async def nothing(_: Request) -> Response:
    """The answer to OPTIONS, and where there is nothing to tell."""
    return Response(status_code=204)


async def _answered(handler: Handler, request: Request) -> Response:
    try:
        return await handler(request)
    except ApiError as error:
        return failure(error.kind, error.message)
    except Unreachable as error:
        return failure("unavailable", f"{error.message}; {error.hint}", 503)
    except Exception as error:
        LOG.error("api.failed", exc=error, path=request.url.path)
        return failure("internal", f"{type(error).__name__}: {error}")
