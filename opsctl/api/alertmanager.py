"""Alertmanager's API v2, its paths, parameters, JSON and status codes. Source: alertmanager api/v2/openapi.yaml."""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Path

from opsctl.alerts.batch import label_order, sort_alerts
from opsctl.alerts.dispatch import Group
from opsctl.alerts.intake import intake
from opsctl.alerts.names import classic_name
from opsctl.alerts.silence import Silence
from opsctl.api.alertmanager_asked import Asked, filters, flag, receiver_filters
from opsctl.api.alertmanager_bodies import Refusal, read_alerts, read_silence
from opsctl.api.alertmanager_json import answer, gettable, receivers_of, silence_order, silence_shown
from opsctl.core.clock import Clock, iso
from opsctl.core.errors import NotFound, UsageError
from opsctl.flows.alerting import Alerting
from opsctl.model.alert import Alert
from opsctl.model.matcher import Matcher, matches_all

VERSION = "0.34.0"


class AlertmanagerApi:
    """The endpoints, as methods over the pipeline."""

    def __init__(
        self, alerting: Alerting, clock: Clock, members: Callable[[], tuple[str, list[dict[str, str]]]]
    ) -> None:
        self._alerting, self._clock, self._members = alerting, clock, members
        self._classic = alerting.names is classic_name
        self._started = clock.now()

    def routes(self) -> list[Path]:
        return [
            Path("/api/v2/alerts", self.get_alerts, methods=["GET"]),
            Path("/api/v2/alerts", self.post_alerts, methods=["POST"]),
            Path("/api/v2/alerts/groups", self.get_groups, methods=["GET"]),
            Path("/api/v2/receivers", self.get_receivers, methods=["GET"]),
            Path("/api/v2/status", self.get_status, methods=["GET"]),
            Path("/api/v2/silences", self.get_silences, methods=["GET"]),
            Path("/api/v2/silences", self.post_silence, methods=["POST"]),
            Path("/api/v2/silence/{id}", self.get_silence, methods=["GET"]),
            Path("/api/v2/silence/{id}", self.delete_silence, methods=["DELETE"]),
            Path("/api/v1/{rest:path}", self.gone, methods=["GET", "POST", "PUT", "DELETE", "OPTIONS"]),
        ]

    async def post_alerts(self, request: Request) -> Response:
        """200 once every good alert is durable; 400 names the bad ones, the good ones are taken all the same."""
        now, figures, alerting = self._clock.now(), self._alerting.figures, self._alerting
        try:
            posted = read_alerts(await request.body())
        except Refusal as refusal:
            return refused(refusal)
        good, wrong = intake(posted, now, alerting.configuration.resolve_timeout, alerting.names)
        ended = sum(1 for each in posted if each.ends_at is not None and each.ends_at <= now)
        figures.received.labels("resolved", "v2").inc(ended)
        figures.received.labels("firing", "v2").inc(len(posted) - ended)
        figures.invalid.labels("v2").inc(len(wrong))
        if good:
            await alerting.receive(good)
        return answer("\n".join(wrong), 400) if wrong else Response(status_code=200)

    async def get_alerts(self, request: Request) -> Response:
        """Sorted by fingerprint. Mute times belong to groups and show there."""
        try:
            asked = Asked(request, self._classic)
        except ValueError as error:
            return answer(str(error), 400)
        now, alerting, found = self._clock.now(), self._alerting, []
        named = alerting.configuration.receiver_labels
        for alert in alerting.alerts.all():
            receivers = receivers_of(alerting, alert.labels)
            if any(asked.receiver(r, named[r]) for r in receivers) and self._wanted(asked, alert, now):
                found.append(gettable(alerting, alert, now, receivers))
        return answer(sorted(found, key=lambda a: str(a["fingerprint"])))

    def _wanted(self, asked: Asked, alert: Alert, now: float) -> bool:
        alerting = self._alerting
        return not alert.resolved(now) and asked.wants(
            alert.labels, alerting.silenced_by(alert, now), alerting.inhibited_by(alert, now)
        )

    async def get_groups(self, request: Request) -> Response:
        """Sorted by labels, then receiver; an alert names the receivers of all groups shown that hold it."""
        try:
            asked = Asked(request, self._classic)
        except ValueError as error:
            return answer(str(error), 400)
        now, shown, receivers = self._clock.now(), [], dict[str, list[str]]()
        named = self._alerting.configuration.receiver_labels
        for group in self._alerting.dispatcher:
            if not asked.receiver(group.route.receiver, named[group.route.receiver]):
                continue
            alerts = [a for a in group.alerts.values() if self._wanted(asked, a, now)]
            for alert in alerts:
                receivers.setdefault(alert.fingerprint, []).append(group.route.receiver)
            if alerts:
                shown.append((group, alerts))
        shown.sort(key=lambda each: (label_order(each[0].labels), each[0].route.receiver))
        made = [self._group(group, alerts, receivers, asked, now) for group, alerts in shown]
        return answer([each for each in made if each is not None])

    def _group(
        self, group: Group, alerts: list[Alert], receivers: dict[str, list[str]], asked: Asked, now: float
    ) -> dict[str, Any] | None:
        muted = self._alerting.muted_by(group, now)
        if muted and not asked.muted:
            return None
        shown = [
            gettable(self._alerting, a, now, sorted(receivers[a.fingerprint]), muted)
            for a in sort_alerts(tuple(alerts))
        ]
        return {
            "alerts": shown, "labels": dict(group.labels), "receiver": {"name": group.route.receiver},
            "routeLabels": self._route_labels(group, now),
        }  # fmt: skip

    def _route_labels(self, group: Group, now: float) -> dict[str, str]:
        return self._alerting.configuration.templates.route_labels(group.batch(now)) if group.route.labels else {}

    async def get_receivers(self, request: Request) -> Response:
        try:
            wanted = receiver_filters(request, self._classic)
        except ValueError as error:
            return answer(str(error), 400)
        named = self._alerting.configuration.receiver_labels
        return answer([{"labels": dict(n), "name": name} for name, n in named.items() if matches_all(wanted, n)])

    def _cluster(self) -> dict[str, Any]:
        """Alone there is one member; without an address for members there is no cluster."""
        name, members = self._members()
        if not any(each["address"] for each in members):
            return {"status": "disabled", "peers": []}
        return {"name": name, "peers": members, "status": "ready"}

    async def get_status(self, _: Request) -> Response:
        return answer({
            "cluster": self._cluster(),
            "config": {"original": self._alerting.configuration.standard},
            "uptime": iso(self._started),
            "versionInfo": {
                "branch": "opsctl", "buildDate": "", "buildUser": "", "goVersion": f"python{platform.python_version()}",
                "revision": "", "version": VERSION,
            },
        })  # fmt: skip

    async def get_silences(self, request: Request) -> Response:
        try:
            matchers = filters(request, self._classic)
        except ValueError as error:
            return answer(str(error), 400)
        now = self._clock.now()
        self._alerting.figures.house.kept["silences"].queries.inc()
        states = {state for state in ("active", "expired", "pending") if flag(request, state)}
        found = [s for s in self._alerting.silences.all() if s.state(now) in states and _has(s, matchers)]
        found.sort(key=lambda s: silence_order(s, now))
        return answer([silence_shown(s, now) for s in found])

    async def post_silence(self, request: Request) -> Response:
        try:
            silence = read_silence(await request.body())
        except Refusal as refusal:
            return refused(refusal)
        except ValueError as error:
            return answer(str(error), 400)
        now = self._clock.now()
        if silence.starts_at >= silence.ends_at:
            return answer("Failed to create silence: start time must be before end time", 400)
        if silence.ends_at < now:
            return answer("Failed to create silence: end time can't be in the past", 400)
        try:
            number, changed = self._alerting.silences.set(silence, now)
        except NotFound as error:
            return answer(error.message, 404)
        except UsageError as error:
            return answer(error.message, 400)
        await self._alerting.keep_silences(changed)
        return answer({"silenceID": number})

    async def get_silence(self, request: Request) -> Response:
        try:
            found = self._alerting.silences.get(request.path_params["id"])
        except NotFound:
            return Response(status_code=404)
        return answer(silence_shown(found, self._clock.now()))

    async def delete_silence(self, request: Request) -> Response:
        try:
            changed = self._alerting.silences.expire(request.path_params["id"], self._clock.now())
        except NotFound:
            return Response(status_code=404)
        await self._alerting.keep_silences(changed)
        return Response(status_code=200)

    async def gone(self, _: Request) -> Response:
        body = {
            "status": "deprecated",
            "error": "The Alertmanager v1 API was deprecated in version 0.16.0 and is removed as of version 0.27.0"
            " - please use the equivalent route in the v2 API",
        }
        return answer(body, 410)


def refused(refusal: Refusal) -> Response:
    return answer({"code": refusal.code, "message": refusal.message}, refusal.status)


def _has(silence: Silence, wanted: tuple[Matcher, ...]) -> bool:
    """Whether each filter is one of the silence's own matchers. Source: alertmanager CheckSilenceMatchesFilterLabels."""
    return all(m in silence.matchers for m in wanted)
