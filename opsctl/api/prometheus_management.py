"""/-/healthy, /-/ready, /-/reload, /-/quit, /version, /metrics and the collectors' pages."""

from __future__ import annotations

import re

import orjson
from prometheus_client import generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from opsctl.api.prometheus_options import WebOptions
from opsctl.api.prometheus_routing import Handler, Route, plain_error
from opsctl.api.prometheus_state import build_data
from opsctl.api.prometheus_wrapping import compressed
from opsctl.core.errors import NotFound, OpsctlError, Unreachable, UsageError
from opsctl.flows.monitoring import Monitoring

PAGE = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
_COLLECTOR_STATUS = ((NotFound, 404), (UsageError, 400), (Unreachable, 503))


class Management:
    """What other processes and people steer this one with."""

    def __init__(self, monitoring: Monitoring, options: WebOptions) -> None:
        self._m, self._options, self._ending = monitoring, options, False

    def routes(self) -> list[Route]:
        acts: tuple[tuple[str, Handler], ...] = (("/-/reload", self.reload), ("/-/quit", self.quit))
        steered = [
            Route(path, {"GET": _only_post, "POST": self._open(act), "PUT": self._open(act)}) for path, act in acts
        ]
        return [
            Route("/-/healthy", {"GET": self.healthy, "HEAD": _well}), Route("/-/ready", {"GET": self.ready, "HEAD": _well}),
            *steered, Route("/version", {"GET": self.version}), Route("/metrics", {"GET": compressed(self.metrics)}),
            Route("/collectors/{name}", {"GET": self.collector}),
        ]  # fmt: skip

    def _open(self, act: Handler) -> Handler:
        return act if self._options.lifecycle else _closed

    async def healthy(self, _: Request) -> Response:
        return PlainTextResponse("Prometheus Server is Healthy.\n")

    async def ready(self, _: Request) -> Response:
        return PlainTextResponse("Prometheus Server is Ready.\n")

    async def reload(self, _: Request) -> Response:
        try:
            await self._m.reload()
        except OpsctlError as error:
            return plain_error(f"failed to reload config: {self._refused(error)}", 500)
        return Response()

    def _refused(self, error: OpsctlError) -> str:
        """Prometheus' sentence, and what is wrong: in the configuration itself, or in what it leads to."""
        file = self._options.flags.get("config.file", "")
        own = error.message.startswith(f"{file}:")
        what = (
            "couldn't load configuration" if own else "one or more errors occurred while applying the new configuration"
        )
        return f'{what} (--config.file="{file}"): {error.message}'

    async def quit(self, _: Request) -> Response:
        if self._ending:
            return PlainTextResponse("Termination already in progress.")
        self._ending = True
        self._options.quit()
        return PlainTextResponse("Requesting termination... Goodbye!")

    async def version(self, _: Request) -> Response:
        return PlainTextResponse(orjson.dumps(build_data()) + b"\n")

    async def metrics(self, _: Request) -> Response:
        return Response(generate_latest(self._m.registry), headers={"Content-Type": PAGE})

    async def collector(self, request: Request) -> Response:
        text = request.headers.get("x-prometheus-scrape-timeout-seconds", "")
        seconds = max(0.5, float(text) * 0.9) if re.fullmatch(r"\d+(\.\d+)?", text) else 9.0
        try:
            page = await self._m.collectors.page(request.path_params["name"], request.query_params, seconds)
        except OpsctlError as error:
            status = next((code for kind, code in _COLLECTOR_STATUS if isinstance(error, kind)), 500)
            return PlainTextResponse(f"{error.message}\n", status)
        return Response(page, headers={"Content-Type": PAGE})


async def _well(_: Request) -> Response:
    return Response()


async def _only_post(_: Request) -> Response:
    return PlainTextResponse("Only POST or PUT requests allowed", 405)


async def _closed(_: Request) -> Response:
    return PlainTextResponse("Lifecycle API is not enabled.", 403)
