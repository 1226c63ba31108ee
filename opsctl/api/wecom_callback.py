"""Where WeCom calls back: its check of the address (GET), and pressed buttons (POST)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route as Path

from opsctl.core.clock import Clock
from opsctl.core.errors import UsageError
from opsctl.flows.wecom_callback import WeComCallback

_MOST = 65_536


class WeComCallbackApi:
    """/links/wecom/{corp}/{agent}; the message itself is the credential, signed and encrypted."""

    def __init__(self, callback: WeComCallback, clock: Clock) -> None:
        self._callback, self._clock = callback, clock

    def routes(self) -> list[Path]:
        place = "/links/wecom/{corp}/{agent}"
        return [Path(place, self.echo, methods=["GET"]), Path(place, self.pressed, methods=["POST"])]

    async def echo(self, request: Request) -> Response:
        asked = request.path_params
        shown = self._callback.echo(asked["corp"], asked["agent"], request.query_params, self._clock.now())
        return Response(shown, media_type="text/plain")

    async def pressed(self, request: Request) -> Response:
        asked, body = request.path_params, b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST:
                raise UsageError("the callback is larger than 64 KiB")
        await self._callback.pressed(asked["corp"], asked["agent"], request.query_params, body, self._clock.now())
        return PlainTextResponse("")
