"""Alertmanager's webhook, its exact JSON. Source: alertmanager notify/webhook and template.Data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from opsctl.alerts.batch import Batch
from opsctl.alerts.documents.webhook import WebhookOf
from opsctl.alerts.notification_data import Data, template_data
from opsctl.alerts.notification_templates import Templates, plain_templates
from opsctl.alerts.receiver import (
    Channel,
    Courier,
    HttpReceiver,
    Outcome,
    Request,
    RetryAfter,
    Unsendable,
    channel_name,
)
from opsctl.alerts.receivers.webhook_body import plain_body
from opsctl.alerts.setting import Setting, url_problem
from opsctl.core.document import parse
from opsctl.core.errors import DocumentError
from opsctl.core.http_settings import HttpSettings
from opsctl.gotemplate import TemplateError
from opsctl.gotemplate.gojson import Struct, go_json
from opsctl.model.person import Person

_AGENT = {"Content-Type": "application/json", "User-Agent": "Alertmanager/0.34.0"}
_DEEPEST = 30


@dataclass(frozen=True, kw_only=True)
class Webhook(HttpReceiver):
    """Posts batches to a URL, or to the one that a file holds at the time. `max_alerts` 0 means all."""

    url: str
    name: str
    templates: Templates = field(default_factory=plain_templates)
    url_file: str = ""
    http: HttpSettings = field(default_factory=HttpSettings)
    root: str = ""
    payload: Any = None
    send_resolved: bool = True
    max_alerts: int = 0
    timeout: float = 0.0
    again: bool = True
    kind: str = "webhook"

    @cached_property
    def channel(self) -> Channel:
        return Channel(name=self.name, lanes=64, timeout=self.timeout or 30.0, again=self.again)

    def addressed(self, person: Person) -> Webhook:
        """As Personal: the body's receiver names the person."""
        return replace(self, again=False)

    def messages(self, batch: Batch, now: float, key: str) -> tuple[Request | Unsendable, ...]:
        if self.payload is None and "{{" not in self.url:
            return (Request("POST", self.url, plain_body(batch, self.max_alerts), _AGENT, self.http, self.root),)
        data = template_data(batch, self.max_alerts)
        try:
            url = self.templates.text(self.url, data, batch.now)
            body = go_json(self._body(batch, data)) + b"\n"
        except TemplateError as error:
            return (Unsendable(error.message),)
        problem = "" if self.url_file else url_problem(url)
        return (Unsendable(problem) if problem else Request("POST", url, body, _AGENT, self.http, self.root),)

    def _body(self, batch: Batch, data: Data) -> Any:
        if self.payload is None:
            return message(batch, data, self.max_alerts)
        return _filled(self.payload, lambda text: self.templates.text(text, data, batch.now))

    async def send(self, message: Request | Unsendable, courier: Courier) -> Outcome:
        """As Receiver."""
        if self.url_file and isinstance(message, Request):
            try:
                url = (Path(self.root) / self.url_file).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                return RetryAfter(f"url_file: cannot read {self.url_file}: {getattr(error, 'strerror', error)}")
            if url_problem(url):
                return RetryAfter(f"url_file: {self.url_file} holds no http or https URL")
            message = replace(message, url=url)
        return await super().send(message, courier)


def build_webhook(made: WebhookOf, setting: Setting) -> Webhook:
    """From its document. Raises DocumentError."""
    if bool(made.url) == bool(made.url_file):
        most = "at most one of url & url_file must be configured"
        raise setting.refuse("url", most if made.url else "one of url or url_file must be configured")
    if made.url and "{{" not in made.url:
        setting.check_url("url", made.url)
    return Webhook(
        url=made.url, url_file=made.url_file, name=channel_name("webhook", made.url or made.url_file),
        templates=setting.templates, http=setting.http(made.http_config), root=str(setting.folder),
        payload=made.payload, send_resolved=made.send_resolved, max_alerts=made.max_alerts, timeout=made.timeout,
    )  # fmt: skip


def message(batch: Batch, data: Data, max_alerts: int = 0) -> Struct:
    """The body of version 4."""
    left_out = max(0, len(batch.alerts) - max_alerts) if max_alerts else 0
    more = {"version": "4", "groupKey": batch.group_key, "truncatedAlerts": left_out}
    return Struct({**data.__go_json__(), **more})


def _filled(value: Any, fill: Any, depth: int = 0) -> Any:
    """A payload with its texts filled in; a text that then reads as YAML of another kind is that, as upstream."""
    if depth > _DEEPEST:
        raise TemplateError("the payload goes too deep")
    if isinstance(value, str):
        text = fill(value)
        try:
            again = parse(text, "").data
        except DocumentError:
            return text
        return text if isinstance(again, str) or again is None else _plain(again, fill, depth)
    if isinstance(value, list):
        return [_filled(v, fill, depth + 1) for v in value]
    if isinstance(value, Mapping):
        return {fill(k): _filled(v, fill, depth + 1) for k, v in value.items() if isinstance(k, str)}
    return value


def _plain(value: Any, fill: Any, depth: int) -> Any:
    return _filled(value, fill, depth + 1) if isinstance(value, list | Mapping) else value
