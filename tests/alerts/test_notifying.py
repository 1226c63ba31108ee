"""A running process tells by mail and webhook, with templates and credentials, and says why it could not."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.alerts.mailbox import Mailbox
from tests.alerts.running import until
from tests.alerts.test_amtool import amtool

ROUTE = "route: {receiver: a, group_wait: 50ms, group_interval: 1s, group_by: [alertname]}\n"


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    made = Mailbox()
    await made.start()
    yield made
    await made.stop()


class Door:
    """A web server that asks for credentials and sends on."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str], bytes]] = []

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._any)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _any(self, request: web.Request) -> web.Response:
        self.seen.append((request.path, dict(request.headers), await request.read()))
        if request.path == "/moved":
            raise web.HTTPTemporaryRedirect("/here")
        return web.Response()


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    made = Door()
    await made.start()
    yield made
    await made.stop()


async def deliveries(running: Any) -> list[Any]:
    found: list[Any] = await asyncio.to_thread(running.get, "/api/opsctl/v1/deliveries")
    return found


async def test_mail_with_a_template_file(tmp_path: Path, mailbox: Mailbox, start: Any) -> None:
    (tmp_path / "mine.tmpl").write_text('{{ define "mine" }}坏了: {{ .CommonLabels.alertname }}{{ end }}', "utf-8")
    config = (
        f"global: {{smtp_smarthost: 'localhost:{mailbox.port}', smtp_from: am@x.test, smtp_require_tls: false}}\n"
        f"{ROUTE}templates: ['*.tmpl']\n"
        "receivers: [{name: a, email_configs: [{to: me@x.test, send_resolved: true, "
        "headers: {Subject: '{{ template \"mine\" . }} {{ .Status }}'}}]}]\n"
    )
    running = await start(config)
    await asyncio.to_thread(running.fire, {"alertname": "Down"}, summary="s")
    await until(lambda: mailbox.mails, what="the mail")
    assert mailbox.mails[0]["Subject"] == "坏了: Down firing"
    await asyncio.to_thread(running.fire, {"alertname": "Down"}, ends=1.0)
    await until(lambda: len(mailbox.mails) > 1, what="the second mail")
    assert mailbox.mails[1]["Subject"] == "坏了: Down resolved"


async def test_a_wrong_template_is_a_failure_with_its_reason(tmp_path: Path, mailbox: Mailbox, start: Any) -> None:
    config = (
        f"global: {{smtp_smarthost: 'localhost:{mailbox.port}', smtp_from: am@x.test, smtp_require_tls: false}}\n{ROUTE}"
        "receivers: [{name: a, email_configs: [{to: me@x.test, text: '{{ .Nope }}'}, {to: you@x.test}]}]\n"
    )
    running = await start(config)
    await asyncio.to_thread(running.fire, {"alertname": "Down"})
    await until(lambda: mailbox.mails, what="the other mail")
    assert mailbox.envelopes[0].rcpt_tos == ["you@x.test"]
    shown = {d["integration"]: d for d in await deliveries(running)}
    assert shown["a/email/0"]["status"] == "failed"
    assert "can't evaluate field Nope" in shown["a/email/0"]["reason"]
    assert shown["a/email/1"]["status"] == "sent"


async def test_webhook_credentials_and_redirects(tmp_path: Path, door: Door, start: Any) -> None:
    (tmp_path / "pass").write_text("word\n")
    config = (
        f"{ROUTE}receivers:\n- name: a\n  webhook_configs:\n"
        f"  - {{url: '{door.url}/basic', http_config: {{basic_auth: {{username: u, password_file: pass}}}}}}\n"
        f"  - {{url: '{door.url}/token', http_config: {{authorization: {{type: Key, credentials: c}}}}}}\n"
        f"  - {{url: '{door.url}/bearer', http_config: {{bearer_token: t, http_headers: {{X-A: {{values: [b]}}}}}}}}\n"
        f"  - {{url: '{door.url}/moved'}}\n"
        f"  - {{url: '{door.url}/{{{{ .GroupLabels.alertname }}}}', payload: {{text: '{{{{ .Status }}}}'}}}}\n"
    )
    running = await start(config)
    await asyncio.to_thread(running.fire, {"alertname": "Down"})
    await until(lambda: len(door.seen) >= 6, what="five calls and one sent on")
    seen = {path: (headers, body) for path, headers, body in door.seen}
    assert seen["/basic"][0]["Authorization"] == f"Basic {base64.b64encode(b'u:word').decode()}"
    assert seen["/token"][0]["Authorization"] == "Key c"
    assert seen["/bearer"][0]["Authorization"] == "Bearer t"
    assert seen["/bearer"][0]["X-A"] == "b"
    assert seen["/here"][1] == seen["/moved"][1]
    assert seen["/Down"][1] == b'{"text":"firing"}\n'
    assert seen["/basic"][0]["User-Agent"] == "Alertmanager/0.34.0"


async def test_classic_mode_reads_the_file_in_the_classic_way(tmp_path: Path, start: Any) -> None:
    config = (
        "route: {receiver: a, routes: [{receiver: b, matchers: ['team=x y']}]}\nreceivers: [{name: a}, {name: b}]\n"
    )
    running = await start(config, "--enable-feature=classic-mode")
    running.write(config.replace("team=x y", "te.am=x"))
    answer = await asyncio.to_thread(running.post, "/-/reload")
    assert answer.status_code >= 400
    assert ":1: route.routes[0].matchers[0]: bad matcher format: te.am=x" in answer.text


async def test_amtool_reads_a_configuration_with_our_receivers(tmp_path: Path, start: Any) -> None:
    config = (
        "global: {smtp_smarthost: 'h:25', smtp_from: f@x, smtp_auth_password: hush}\n"
        "route: {receiver: a, routes: [{receiver: b, matchers: ['team=~\"x|y\"']}]}\n"
        "receivers:\n- name: a\n  dingtalk_configs:\n  - access_token: hush\n"
        "- name: b\n  email_configs: [{to: t@x}]\n  webhook_configs: [{url: 'http://h:1/hush'}]\n"
    )
    running = await start(config)
    shown = await amtool(running.url, "config", "show")
    assert "hush" not in shown
    assert "# dingtalk_configs:" in shown
    assert (await amtool(running.url, "config", "routes", "test", "team=x")).strip() == "b"
    assert "receiver: b" in await amtool(running.url, "config", "routes", "show")
