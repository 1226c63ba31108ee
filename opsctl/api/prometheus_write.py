"""POST /api/v1/write: remote write 1.0, with Prometheus' codes and words. Source: storage/remote/write_handler.go."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from opsctl.api.prometheus_routing import Handler, plain_error
from opsctl.core.log import Log
from opsctl.flows.receiving import Receiver
from opsctl.metrics.remote_wire import BadWrite

LOG = Log("opsctl.api.prometheus")
_PROTOBUF, _V1, _V2 = "application/x-protobuf", "prometheus.WriteRequest", "io.prometheus.write.v2.Request"
_MOST_BYTES = 32 << 20
_CLOSED = "remote write receiver needs to be enabled with --web.enable-remote-write-receiver"


class _Refused(Exception):
    """An answer other than 204."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


def writer(receiver: Receiver | None) -> Handler:
    """POST /api/v1/write; without a receiver it answers 404 and says how to open it."""

    async def write(request: Request) -> Response:
        if receiver is None:
            return plain_error(_CLOSED, 404)
        try:
            _check(request.headers)
            answer = await receiver.take(await _body(request))
        except _Refused as error:
            return plain_error(error.message, error.status)
        except (BadWrite, ClientDisconnect) as error:
            return plain_error(str(error), 400)
        except Exception as error:
            LOG.error("api.failed", exc=error, path=request.url.path)
            return plain_error(f"{type(error).__name__}: {error}", 500)
        return plain_error(answer.reason, 400) if answer.reason else Response(status_code=204)

    return write


def _check(headers: Mapping[str, str]) -> None:
    """Encoding and content type; both may be absent, as with the oldest clients."""
    encoding = headers.get("content-encoding") or "snappy"
    if encoding != "snappy":
        raise _Refused(
            415, f"{encoding} encoding (compression) is not accepted by this server; only snappy is acceptable"
        )
    kind = headers.get("content-type", "").strip() or _PROTOBUF
    media, *parameters = kind.split(";")
    if media != _PROTOBUF:
        raise _Refused(415, f"expected {_PROTOBUF} as the first (media) part, got {kind} content-type")
    message = _message(kind, parameters)
    if message not in (_V1, _V2):
        raise _Refused(415, f"got {kind} content type; unknown type for remote write protobuf message {message}, "
                       f"supported: {_V1}, {_V2}")  # fmt: skip
    if message == _V2:
        raise _Refused(415, f"{_V2} protobuf message is not accepted by this server; only accepts {_V1}")


def _message(kind: str, parameters: list[str]) -> str:
    for parameter in parameters:
        name, equals, value = parameter.partition("=")
        if not equals or "=" in value:
            raise _Refused(
                415, "as per https://www.rfc-editor.org/rfc/rfc9110#parameter expected parameters to be key-values, "
                f"got {parameter} in {kind} content-type",
            )  # fmt: skip
        if name == "proto":
            return value
    return _V1


async def _body(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > _MOST_BYTES:
            raise _Refused(413, "http: request body too large")
        parts.append(part)
    return b"".join(parts)
