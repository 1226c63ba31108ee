"""The webhook's body, byte for byte as Go writes it, and what may be set about it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from opsctl.alerts.batch import Batch
from opsctl.alerts.config import load_configuration
from opsctl.alerts.notification_templates import plain_templates
from opsctl.alerts.receiver import Refused, Request, Response, RetryAfter, Sent, Unsendable
from opsctl.alerts.receivers.webhook import Webhook
from opsctl.core.errors import DocumentError
from opsctl.model.alert import Alert
from opsctl.model.labels import Labels

GO = (
    b'{"receiver":"team\\\\.x","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"\\u003cA\\u003e",'
    b'"b":"1"},"annotations":{"s":"x \\u0026 \\"y\\" \xe5\x9d\x8f\\u2028"},"startsAt":"1970-01-01T00:16:40.5Z",'
    b'"endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://p/?a=1\\u0026b=2","fingerprint":"%s"},'
    b'{"status":"resolved","labels":{"alertname":"\\u003cA\\u003e","b":"2"},"annotations":{},'
    b'"startsAt":"1970-01-01T00:16:40Z","endsAt":"1970-01-01T00:33:20.123456Z","generatorURL":"","fingerprint":"%s"}],'
    b'"notification_reason":"new alerts added","groupLabels":{"alertname":"\\u003cA\\u003e"},"commonLabels":{"alertname":"\\u003cA\\u003e"},'
    b'"commonAnnotations":{},"routeLabels":{"desk":"\\u003cA\\u003e desk"},"externalURL":"http://am","version":"4","groupKey":"{}:{alertname=\\"\\u003cA\\u003e\\"}",'
    b'"truncatedAlerts":0}\n'
)
ONE = Alert(
    labels=Labels({"alertname": "<A>", "b": "1"}), annotations=Labels({"s": 'x & "y" 坏\u2028'}), starts_at=1000.5,
    generator_url="http://p/?a=1&b=2",
)  # fmt: skip
TWO = Alert(labels=Labels({"alertname": "<A>", "b": "2"}), annotations=Labels(), starts_at=1000.0, ends_at=2000.123456)
BATCH = Batch(
    receiver="team.x", group_key='{}:{alertname="<A>"}', group_labels=Labels({"alertname": "<A>"}), alerts=(ONE, TWO),
    now=3000.0, external_url="http://am", cause="new alerts",
    route_labels=(("desk", "{{ .GroupLabels.alertname }} desk"),),
)  # fmt: skip


def request(hook: Webhook) -> Request:
    (made,) = hook.messages(BATCH, 3000.0, "k")
    assert isinstance(made, Request), made
    return made


def load(folder: Path, text: str) -> Webhook:
    file = folder / "am.yml"
    file.write_text(f"route: {{receiver: a}}\nreceivers: [{{name: a, webhook_configs: [{{{text}}}]}}]\n", "utf-8")
    made = load_configuration(file, {}).integrations["a/webhook/0"].impl
    assert isinstance(made, Webhook)
    return made


class Answering:
    """A courier that remembers what it was given."""

    def __init__(self, status: int = 200) -> None:
        self.urls: list[str] = []
        self._status = status

    async def http(self, request: Request) -> Response:
        self.urls.append(request.url)
        return Response(self._status)


def test_the_body_is_gos() -> None:
    made = request(Webhook(url="http://x", name="n"))
    assert made.body == GO % (ONE.fingerprint.encode(), TWO.fingerprint.encode())
    assert dict(made.headers) == {"Content-Type": "application/json", "User-Agent": "Alertmanager/0.34.0"}


def test_what_is_left_out_counts_for_nothing_else() -> None:
    made = orjson.loads(request(Webhook(url="http://x", name="n", max_alerts=1)).body)
    assert (len(made["alerts"]), made["truncatedAlerts"]) == (1, 1)
    assert made["commonLabels"] == {"alertname": "<A>", "b": "1"}
    only_resolved = Webhook(url="http://x", name="n", max_alerts=5)
    assert orjson.loads(request(only_resolved).body)["truncatedAlerts"] == 0


def test_the_url_is_a_template(tmp_path: Path) -> None:
    hook = load(tmp_path, "url: 'http://h/{{ .GroupLabels.alertname | urlquery }}'")
    assert request(hook).url == "http://h/%3CA%3E"
    for wrong in ("http://h/{{ nope }}", "http://h/{{ .Status"):
        with pytest.raises(DocumentError, match=r"webhook_configs\[0\].url: invalid template syntax: template: :1: "):
            load(tmp_path, f"url: '{wrong}'")
    bad = load(tmp_path, "url: 'ftp://{{ .Status }}'")
    assert bad.messages(BATCH, 0.0, "k") == (
        Unsendable("not an http or https URL: unsupported scheme 'ftp' in 'ftp://firing'"),
    )


def test_labels_of_the_route_go_down_the_tree(tmp_path: Path) -> None:
    file = tmp_path / "am.yml"
    file.write_text(
        "route: {receiver: a, labels: {team: all, desk: '{{ .Status }}'}, routes: [{labels: {team: 'x'}}]}\n"
        "receivers: [{name: a}]\n"
    )
    route = load_configuration(file, {}).route
    assert route.labels == (("desk", "{{ .Status }}"), ("team", "all"))
    assert route.routes[0].labels == (("desk", "{{ .Status }}"), ("team", "x"))
    hook = load(tmp_path, "url: 'http://h/{{ routeLabels \"desk\" | urlquery }}/{{ .RouteLabels.nope }}'")
    assert request(hook).url == "http://h/%3CA%3E+desk/"
    labels = {"a": "{{ routeLabels `b` }}!", "b": "{{ .Status }}", "c": "{{ routeLabels `c` }}", "d": "{{ .Nope }}"}
    named = plain_templates().route_labels(replace(BATCH, route_labels=tuple(labels.items())))
    assert named == {"a": "firing!", "b": "firing"}  # without the circle and the mistake
    file.write_text("route: {receiver: a, labels: {x: '{{ nope }}'}}\nreceivers: [{name: a}]\n")
    with pytest.raises(DocumentError, match=r'route.labels.x: template: :1: function "nope" not defined'):
        load_configuration(file, {})


@pytest.mark.parametrize(
    ("cause", "said"),
    [("first", "first notification"), ("repeat", "repeat interval elapsed"), ("all resolved", "all alerts resolved"),
     ("some resolved", "some alerts resolved"), ("retried by hand", "unknown"), ("", "unknown")],
)  # fmt: skip
def test_why_it_is_told(cause: str, said: str) -> None:
    (made,) = Webhook(url="http://x", name="n").messages(replace(BATCH, cause=cause), 0.0, "k")
    assert isinstance(made, Request)
    assert orjson.loads(made.body)["notification_reason"] == said


@pytest.mark.parametrize(("status", "kind"), [(204, Sent), (429, Refused), (404, Refused), (503, RetryAfter)])
async def test_only_a_server_in_trouble_is_asked_again_within_the_flush(status: int, kind: type) -> None:
    hook = Webhook(url="http://x", name="n")
    assert isinstance(await hook.send(request(hook), Answering(status)), kind)
    assert hook.channel.again  # what is refused is told at the next flush


def test_a_payload_of_ones_own(tmp_path: Path) -> None:
    hook = load(
        tmp_path,
        "url: 'http://h', payload: {'{{ .Status }}': '{{ len .Alerts }}', list: ['{{ .Receiver }}', 1, null], "
        "flag: 'true', word: 'Yes', off: 'n', none: '', alerts: '{{ toJson .Alerts.Firing }}', text: 'a: {{ .Status }}!'}",
    )
    made: Any = orjson.loads(request(hook).body)
    assert made["firing"] == 2
    assert made["list"] == ["team\\.x", 1, None]
    assert made["flag"] is True
    assert (made["word"], made["off"], made["none"]) == (True, False, None)
    assert made["alerts"][0]["labels"] == {"alertname": "<A>", "b": "1"}  # what a text holds is not read once more
    assert made["text"] == {"a": "firing!"}


async def test_a_wrong_template_fails_for_good_with_its_reason(tmp_path: Path) -> None:
    hook = load(tmp_path, "url: 'http://h', payload: {a: '{{ .Nope }}'}")
    (message,) = hook.messages(BATCH, 0.0, "k")
    outcome = await hook.send(message, Answering())
    assert outcome == Refused('template: :1:3: executing "" at <.Nope>: can\'t evaluate field Nope in type Data')


async def test_the_file_of_the_url_is_read_when_it_is_needed(tmp_path: Path) -> None:
    hook, courier = load(tmp_path, "url_file: hook.url"), Answering()
    assert isinstance(await hook.send(request(hook), courier), RetryAfter)
    for url in ("http://one/", "http://two/"):
        (tmp_path / "hook.url").write_text(f"{url}\n")
        assert isinstance(await hook.send(request(hook), courier), Sent)
    assert courier.urls == ["http://one/", "http://two/"]


def test_http_settings_are_its_own_else_the_global_ones(tmp_path: Path) -> None:
    file = tmp_path / "am.yml"
    file.write_text(
        "global: {http_config: {bearer_token: everybody, follow_redirects: false}}\n"
        "route: {receiver: a}\n"
        "receivers: [{name: a, webhook_configs: [{url: 'http://x'}, {url: 'http://y', http_config: {}}]}]\n"
    )
    made = load_configuration(file, {}).integrations
    first, second = (request(made[f"a/webhook/{n}"].impl) for n in (0, 1))  # type: ignore[arg-type]
    assert (first.http.bearer_token, first.http.follow_redirects, first.root) == ("everybody", False, str(tmp_path))
    assert (second.http.bearer_token, second.http.follow_redirects) == ("", True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("url: 'http://x', url_file: f", "at most one of url & url_file must be configured"),
        ("max_alerts: 1", "one of url or url_file must be configured"),
        ("url: 'http://x', timeout: 1d", "not a duration: '1d'"),
        ("url: 'http://x', http_config: {tls_config: {cert_file: a}}", "receivers[0].webhook_configs[0].http_config"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        load(tmp_path, text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("1m30s", 90), ("1.5h", 5400), ("0", 30), ("2000000000", 2)]
)
def test_timeouts_are_gos(tmp_path: Path, text: str, seconds: float) -> None:
    assert load(tmp_path, f"url: 'http://x', timeout: {text}").channel.timeout == seconds
