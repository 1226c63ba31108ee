"""What Alertmanager's API lacks: deliveries, acknowledgements, test messages; and the process' own endpoints."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route as Path

from opsctl.alerts.history import Asked, History
from opsctl.alerts.text import short
from opsctl.api.alertmanager_json import answer, gettable, receivers_of
from opsctl.api.json_body import json_object, text_of
from opsctl.core.clock import Clock, parse_iso
from opsctl.core.errors import OpsctlError, UsageError
from opsctl.flows.acknowledging import Acknowledging
from opsctl.flows.alerting import Alerting
from opsctl.flows.delivering import Delivering
from opsctl.model.alert import Alert

PREFIX = "/api/opsctl/v1"
_STATUSES = ("", "pending", "sending", "sent", "failed", "superseded")


class AlertingApi:
    """Own endpoints under /api/opsctl/v1; errors are raised as core errors and shown as problem+json."""

    def __init__(
        self, alerting: Alerting, acknowledging: Acknowledging, delivering: Delivering, history: History, clock: Clock
    ) -> None:
        self._alerting, self._acknowledging, self._delivering = alerting, acknowledging, delivering
        self._history, self._clock = history, clock

    def routes(self) -> list[Path]:
        return [
            Path(f"{PREFIX}/alerts", self.list_alerts, methods=["GET"]),
            Path(f"{PREFIX}/alerts/{{fingerprint}}", self.show_alert, methods=["GET"]),
            Path(f"{PREFIX}/alerts/{{fingerprint}}/ack", self.ack, methods=["POST"]),
            Path(f"{PREFIX}/alerts/{{fingerprint}}/ack", self.take_back, methods=["DELETE"]),
            Path(f"{PREFIX}/acks", self.list_acks, methods=["GET"]),
            Path(f"{PREFIX}/deliveries", self.list_deliveries, methods=["GET"]),
            Path(f"{PREFIX}/deliveries/{{id:int}}", self.show_delivery, methods=["GET"]),
            Path(f"{PREFIX}/deliveries/{{id:int}}/retry", self.retry, methods=["POST"]),
            Path(f"{PREFIX}/receivers", self.list_receivers, methods=["GET"]),
            Path(f"{PREFIX}/receivers/{{name}}/test", self.test, methods=["POST"]),
        ]

    async def list_alerts(self, request: Request) -> Response:
        """Firing alerts (`resolved=true`: also those that ended lately), each with its ack and last deliveries."""
        now, all_of_them = self._clock.now(), request.query_params.get("resolved") == "true"
        alerts = [a for a in self._alerting.alerts.all() if all_of_them or not a.resolved(now)]
        brief = await run_in_threadpool(self._history.brief, [a.fingerprint for a in alerts])
        shown = [{**self._shown(a, now), "deliveries": brief.get(a.fingerprint, [])} for a in alerts]
        return answer(sorted(shown, key=lambda a: (str(a["startsAt"]), str(a["fingerprint"]))))

    async def show_alert(self, request: Request) -> Response:
        alert = self._acknowledging.alert(request.path_params["fingerprint"])
        told = await run_in_threadpool(self._history.of_alert, alert.fingerprint)
        return answer({**self._shown(alert, self._clock.now()), "deliveries": [d.json() for d in told]})

    def _shown(self, alert: Alert, now: float) -> dict[str, Any]:
        ack = self._alerting.acks.of(alert, now)
        alerting = self._alerting
        shown = gettable(alerting, alert, now, receivers_of(alerting, alert.labels), alerting.muted(alert, now))
        if alert.resolved(now):
            shown["status"] = {**shown["status"], "state": "resolved"}
        return {**shown, "ack": ack.json() if ack else None}

    async def ack(self, request: Request) -> Response:
        """Body: {who, via, comment}."""
        body, fingerprint = await json_object(request), request.path_params["fingerprint"]
        who = text_of(body, "who")
        if not who:
            raise UsageError("who acknowledges is missing", 'body: {"who": "…", "via": "api", "comment": ""}')
        given = await run_in_threadpool(
            self._acknowledging.give, [fingerprint], who, text_of(body, "via") or "api", text_of(body, "comment"),
            self._clock.now(),
        )  # fmt: skip
        return answer(given[0].json())

    async def take_back(self, request: Request) -> Response:
        fingerprint = request.path_params["fingerprint"]
        await run_in_threadpool(self._alerting.acks.take_back, fingerprint, self._clock.now())
        return answer({"fingerprint": fingerprint, "ack": None})

    async def list_acks(self, _: Request) -> Response:
        return answer([a.json() for a in self._acknowledging.standing(self._clock.now())])

    async def list_deliveries(self, request: Request) -> Response:
        """`since` (RFC 3339 or epoch seconds), `limit` up to 1000, `status`, `receiver`, `channel` (its kind), `alert`
        (a fingerprint or a name), `before` (a number, for the next page).
        """
        asked = request.query_params
        status = asked.get("status", "")
        if status not in _STATUSES:
            raise UsageError(f"no delivery status {status!r}", f"one of: {', '.join(_STATUSES[1:])}")
        limit = min(1000, max(1, _number(asked.get("limit", "100"), "limit")))
        before = _number(asked.get("before", "0"), "before")
        question = Asked(
            since=_since(asked.get("since", "")), limit=limit, status=status, before=before,
            receiver=asked.get("receiver", ""), kind=asked.get("channel", ""), alert=asked.get("alert", ""),
        )  # fmt: skip
        found = await run_in_threadpool(self._history.page, question)
        return answer([d.json() for d in found])

    async def show_delivery(self, request: Request) -> Response:
        """One delivery, with each alert that it tells of, and which other deliveries it carries."""
        found = await run_in_threadpool(self._history.get, request.path_params["id"])
        carried = await run_in_threadpool(self._history.carried_by, found.id)
        tells = [
            {"alert": short(a), "fingerprint": a.fingerprint, "state": "resolved" if a.ends_at else "firing"}
            for a in found.batch.alerts
        ]
        shown = {"channel": found.channel, "digest": found.batch.digest, "note": found.batch.note}
        return answer({**found.json(), **shown, "tells": tells, "carries": carried})

    async def retry(self, request: Request) -> Response:
        found = await run_in_threadpool(self._history.get, request.path_params["id"])
        again = await self._delivering.retry(found, self._clock.now())
        return answer(again.json(), 202)

    async def list_receivers(self, _: Request) -> Response:
        return answer(self._delivering.receivers(self._clock.now()))

    async def test(self, request: Request) -> Response:
        """Queues a clearly marked test message at each integration; answers with the deliveries' numbers."""
        numbers = await self._delivering.test(request.path_params["name"], self._clock.now())
        return answer({"receiver": request.path_params["name"], "deliveries": numbers}, 202)


def own_routes(metrics: Callable[[], bytes], reload: Callable[[], Awaitable[None]]) -> list[Path]:
    """/-/healthy, /-/ready, /-/reload, /metrics."""

    async def healthy(_: Request) -> Response:
        return PlainTextResponse("OK")

    async def show_metrics(_: Request) -> Response:
        return Response(metrics(), media_type=CONTENT_TYPE_LATEST)

    async def do_reload(_: Request) -> Response:
        try:
            await reload()
        except OpsctlError as error:
            return PlainTextResponse(f"failed to reload config: {error.message}\n", 500)
        return Response(status_code=200)

    async def front(_: Request) -> Response:
        return PlainTextResponse("opsctl alerting: /api/v2, /api/opsctl/v1, /metrics, /-/ready, /-/reload\n")

    return [
        Path("/-/healthy", healthy, methods=["GET"]),
        Path("/-/ready", healthy, methods=["GET"]),
        Path("/-/reload", do_reload, methods=["POST", "PUT"]),
        Path("/metrics", show_metrics, methods=["GET"]),
        Path("/", front, methods=["GET"]),
    ]


def to_prefix(prefix: str) -> Path:
    """/ leads to the front page."""

    async def lead(_: Request) -> Response:
        return RedirectResponse(prefix, 302)

    return Path("/", lead, methods=["GET"])


async def not_found(_: Request, __: Exception) -> Response:
    """As Go's HTTP server says it."""
    return PlainTextResponse("404 page not found\n", 404)


def _number(text: str, name: str) -> int:
    if not text.isdigit() or len(text) > 15:
        raise UsageError(f"{name} is a whole number, not {text!r}")
    return int(text)


def _since(text: str) -> float:
    if not text:
        return 0.0
    try:
        return float(text) if text.replace(".", "", 1).isdigit() else parse_iso(text)
    except ValueError as error:
        raise UsageError(f"since is a time, not {text!r}", "e.g. 2026-11-22T08:00:00+08:00") from error
