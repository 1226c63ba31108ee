"""The route tree over HTTP: as it is, and what it would do with given labels."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Path

from opsctl.alerts.trace import trace, tree
from opsctl.api.alertmanager_json import answer
from opsctl.core.errors import UsageError
from opsctl.flows.alerting import Alerting
from opsctl.model.labels import Labels


class RoutingApi:
    """GET /api/opsctl/v1/routes, and …/routes/test?label=name=value (repeated)."""

    def __init__(self, alerting: Alerting) -> None:
        self._alerting = alerting

    def routes(self) -> list[Path]:
        return [
            Path("/api/opsctl/v1/routes", self.show, methods=["GET"]),
            Path("/api/opsctl/v1/routes/test", self.test, methods=["GET"]),
        ]

    async def show(self, _: Request) -> Response:
        return answer(tree(self._alerting.configuration.route))

    async def test(self, request: Request) -> Response:
        labels = {}
        for text in request.query_params.getlist("label"):
            name, equals, value = text.partition("=")
            if not equals or not name:
                raise UsageError(f"a label is name=value, not {text!r}")
            labels[name] = value
        made = Labels(labels)
        visits = trace(self._alerting.configuration.route, made)
        receivers = list(dict.fromkeys(v.route.receiver for v in visits if v.takes))
        return answer({"labels": labels, "receivers": receivers, "visits": [v.json(made) for v in visits]})
