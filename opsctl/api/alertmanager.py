"""Alertmanager's API v2, its paths, parameters, JSON and status codes. Source: alertmanager api/v2/openapi.yaml."""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any

import orjson
import re2
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Path

from opsctl.alerts.batch import label_order
from opsctl.alerts.dispatch import Group
from opsctl.alerts.intake import intake, silence_times
from opsctl.alerts.matcher_text import parse_matchers
from opsctl.alerts.silence import Silence, matcher_json, matcher_of
from opsctl.core.clock import Clock, iso
from opsctl.core.errors import NotFound, UsageError
from opsctl.flows.alerting import Alerting
from opsctl.model.alert import Alert
from opsctl.model.labels import Labels
from opsctl.model.matcher import Matcher, matches_all

VERSION = "0.34.0"
_SILENCE_ORDER = {"active": 0, "pending": 1, "expired": 2}


def answer(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")


def gettable(alerting: Alerting, alert: Alert, now: float) -> dict[str, Any]:
    """An alert as GET shows it, with its state now."""
    silenced, inhibited = alerting.silenced_by(alert, now), alerting.inhibited_by(alert, now)
    groups = alerting.dispatcher.groups_of(alert)
    muted = tuple(dict.fromkeys(n for g in groups for n in alerting.muted_by(g, now)))
    origin = {"generatorURL": alert.generator_url} if alert.generator_url else {}
    return {
        "annotations": dict(alert.annotations),
        "endsAt": iso(alert.ends_at if alert.ends_at is not None else now),
        "fingerprint": alert.fingerprint,
        "receivers": [{"name": r} for r in _receivers(alerting, alert.labels)],
        "startsAt": iso(alert.starts_at),
        "status": {
            "inhibitedBy": list(inhibited), "mutedBy": list(muted), "silencedBy": list(silenced),
            "state": "suppressed" if silenced or inhibited or muted else "active",
        },
        "updatedAt": iso(alert.updated_at),
        **origin,
        "labels": dict(alert.labels),
    }  # fmt: skip


def _receivers(alerting: Alerting, labels: Labels) -> tuple[str, ...]:
    """One a matching route, so a receiver may stand there twice, as in Alertmanager."""
    return tuple(r.receiver for r in alerting.dispatcher.root.match(labels))


class _Asked:
    """The query parameters of GET alerts and groups. Raises ValueError."""

    def __init__(self, request: Request) -> None:
        self.flags = {k: _flag(request, k) for k in ("active", "silenced", "inhibited", "muted", "unprocessed")}
        self.matchers = _filters(request)
        receiver = request.query_params.get("receiver", "")
        options = re2.Options()
        options.log_errors = False
        try:
            self._receiver = re2.compile(f"^(?:{receiver})$", options) if receiver else None
        except re2.error as error:
            raise ValueError(f"failed to parse receiver param: {error}") from error

    def receiver(self, name: str) -> bool:
        return self._receiver is None or self._receiver.match(name) is not None

    def wants(self, shown: dict[str, Any], alert: Alert) -> bool:
        status, flags = shown["status"], self.flags
        return (
            (flags["active"] or status["state"] != "active")
            and (flags["silenced"] or not status["silencedBy"])
            and (flags["inhibited"] or not status["inhibitedBy"])
            and (flags["muted"] or not status["mutedBy"])
            and matches_all(self.matchers, alert.labels)
        )


def _flag(request: Request, name: str) -> bool:
    value = request.query_params.get(name, "true").lower()
    if value not in ("true", "false", "1", "0", "t", "f"):
        raise ValueError(f"{name} in query must be of type boolean: {value!r}")
    return value in ("true", "1", "t")


def _filters(request: Request) -> tuple[Matcher, ...]:
    return tuple(m for text in request.query_params.getlist("filter") for m in parse_matchers(text))


class AlertmanagerApi:
    """The endpoints, as methods over the pipeline."""

    def __init__(self, alerting: Alerting, clock: Clock, address: Callable[[], str]) -> None:
        self._alerting, self._clock, self._address = alerting, clock, address
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
            Path("/api/v1/{rest:path}", self.gone),
        ]

    async def post_alerts(self, request: Request) -> Response:
        """200 once every good alert is durable; 400 names the bad ones, the good ones are taken all the same."""
        now, figures = self._clock.now(), self._alerting.figures
        try:
            good, wrong = intake(orjson.loads(await request.body()), now, self._alerting.configuration.resolve_timeout)
        except ValueError as error:
            return answer(f"bad request: {error}", 400)
        for held in good:
            figures.received.labels("resolved" if held.alert.resolved(now) else "firing", "v2").inc()
        figures.invalid.labels("v2").inc(len(wrong))
        if good:
            await self._alerting.receive(good)
        return answer("; ".join(wrong), 400) if wrong else Response(status_code=200)

    async def get_alerts(self, request: Request) -> Response:
        try:
            asked = _Asked(request)
        except ValueError as error:
            return answer(str(error), 400)
        now, found = self._clock.now(), []
        for alert in self._alerting.alerts.all():
            if alert.resolved(now) or not any(asked.receiver(r) for r in _receivers(self._alerting, alert.labels)):
                continue
            shown = gettable(self._alerting, alert, now)
            if asked.wants(shown, alert):
                found.append(shown)
        return answer(sorted(found, key=lambda a: a["fingerprint"]))

    async def get_groups(self, request: Request) -> Response:
        try:
            asked = _Asked(request)
        except ValueError as error:
            return answer(str(error), 400)
        now = self._clock.now()
        wanted = [g for g in self._alerting.dispatcher if asked.receiver(g.route.receiver)]
        wanted.sort(key=lambda g: (label_order(g.labels), g.route.receiver))
        shown = [self._group(g, asked, now) for g in wanted]
        return answer([g for g in shown if g["alerts"]])

    def _group(self, group: Group, asked: _Asked, now: float) -> dict[str, Any]:
        live = [a for a in group.alerts.values() if not a.resolved(now)]
        shown = [(gettable(self._alerting, a, now), a) for a in live]
        alerts = sorted((s for s, a in shown if asked.wants(s, a)), key=lambda s: str(s["fingerprint"]))
        return {"alerts": alerts, "labels": dict(group.labels), "receiver": {"name": group.route.receiver}}

    async def get_receivers(self, _: Request) -> Response:
        return answer([{"name": name} for name in self._alerting.configuration.receivers])

    async def get_status(self, _: Request) -> Response:
        name = f"opsctl-{platform.node() or 'local'}"
        return answer({
            "cluster": {"name": name, "peers": [{"address": self._address(), "name": name}], "status": "ready"},
            "config": {"original": self._alerting.configuration.standard},
            "uptime": iso(self._started),
            "versionInfo": {
                "branch": "opsctl", "buildDate": "", "buildUser": "", "goVersion": f"python{platform.python_version()}",
                "revision": "", "version": VERSION,
            },
        })  # fmt: skip

    async def get_silences(self, request: Request) -> Response:
        try:
            matchers = _filters(request)
        except ValueError as error:
            return answer(str(error), 400)
        now = self._clock.now()
        found = [s for s in self._alerting.silences.all() if _covers(s, matchers)]
        found.sort(key=lambda s: (_SILENCE_ORDER[s.state(now)], s.ends_at if s.state(now) != "expired" else -s.ends_at))
        return answer([_silence(s, now) for s in found])

    async def post_silence(self, request: Request) -> Response:
        try:
            made = orjson.loads(await request.body())
        except ValueError as error:
            return answer({"code": 400, "message": f"parsing body body failed: {error}"}, 400)
        missing = _missing(made)
        if missing:
            return answer({"code": 602, "message": f"{missing} in body is required"}, 422)
        now = self._clock.now()
        try:
            number, changed = self._alerting.silences.set(_read_silence(made), now)
        except NotFound as error:
            return answer(error.message, 404)
        except (ValueError, UsageError) as error:
            return answer(str(error), 400)
        await self._alerting.keep_silences(changed)
        return answer({"silenceID": number})

    async def get_silence(self, request: Request) -> Response:
        try:
            found = self._alerting.silences.get(request.path_params["id"])
        except NotFound:
            return Response(status_code=404)
        return answer(_silence(found, self._clock.now()))

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
            "error": "The Alertmanager v1 API was deprecated in version 0.16.0 and is removed",
        }
        return answer(body, 410)


def _covers(silence: Silence, matchers: tuple[Matcher, ...]) -> bool:
    """Whether each filter fits one of the silence's own matchers. Source: alertmanager CheckSilenceMatchesFilterLabels."""
    for wanted in matchers:
        named = [m for m in silence.matchers if m.name == wanted.name]
        if not any((m.op == wanted.op and m.value == wanted.value) or wanted.matches(m.value) for m in named):
            return False
    return True


def _missing(made: Any) -> str:
    """The first required field that a posted silence lacks, or ''."""
    if not isinstance(made, dict):
        return "silence"
    for name in ("comment", "createdBy", "endsAt", "matchers", "startsAt"):
        if made.get(name) is None:
            return name
    for name in ("comment", "createdBy"):
        if not isinstance(made[name], str):
            return name
    matchers = made["matchers"]
    if not isinstance(matchers, list) or not matchers:
        return "matchers"
    return next((f"matchers.{n}" for n, m in enumerate(matchers) if not _is_matcher(m)), "")


def _is_matcher(made: Any) -> bool:
    return (
        isinstance(made, dict)
        and isinstance(made.get("name"), str)
        and made["name"] != ""
        and isinstance(made.get("value"), str)
        and isinstance(made.get("isRegex"), bool)
        and isinstance(made.get("isEqual", True), bool | None)
    )


def _read_silence(made: dict[str, Any]) -> Silence:
    starts, ends = silence_times(made, ("startsAt", "endsAt"))
    matchers = tuple(sorted((matcher_of(m) for m in made["matchers"]), key=lambda m: (m.name, m.value, m.op)))
    number = made.get("id") or ""
    if not isinstance(number, str):
        raise ValueError("id is a string")
    return Silence(
        id=number, matchers=matchers, starts_at=starts, ends_at=ends, updated_at=0.0, created_by=made["createdBy"],
        comment=made["comment"],
    )  # fmt: skip


def _silence(silence: Silence, now: float) -> dict[str, Any]:
    return {
        "id": silence.id, "status": {"state": silence.state(now)}, "updatedAt": iso(silence.updated_at),
        "comment": silence.comment, "createdBy": silence.created_by, "endsAt": iso(silence.ends_at),
        "matchers": [matcher_json(m) for m in silence.matchers], "startsAt": iso(silence.starts_at),
    }  # fmt: skip
