"""Alertmanager's webhook, its exact JSON. Source: alertmanager notify/webhook and template.Data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from opsctl.alerts.batch import Batch
from opsctl.alerts.documents.webhook import WebhookOf
from opsctl.alerts.notification_data import data_json
from opsctl.alerts.notification_templates import Templates, plain_templates
from opsctl.alerts.receiver import (
    Channel,
    Courier,
    HttpReceiver,
    Outcome,
    Refused,
    Request,
    Response,
    RetryAfter,
    Unsendable,
    by_status,
    channel_name,
)
from opsctl.alerts.setting import Setting, url_problem
from opsctl.core.document import parse
from opsctl.core.errors import DocumentError
from opsctl.core.http_settings import HttpSettings
from opsctl.gotemplate import TemplateError
from opsctl.gotemplate.gojson import escaped, go_json
from opsctl.model.person import Person

_AGENT = {"Content-Type": "application/json", "User-Agent": "Alertmanager/0.34.0"}
_DEEPEST = 30
_WORDS = {
    **{form: True for word in ("y", "yes", "on") for form in (word, word.title(), word.upper())},
    **{form: False for word in ("n", "no", "off") for form in (word, word.title(), word.upper())},
}  # as YAML 1.1 has them, by which upstream reads the texts of a payload


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

    def outcome(self, response: Response) -> Outcome:
        """Only 5xx is tried again within the flush; 429 waits for the next one. Source: alertmanager notify/webhook."""
        found = by_status(response)
        return Refused(found.reason) if response.status == 429 and isinstance(found, RetryAfter) else found

    def addressed(self, person: Person) -> Webhook:
        """As Personal: the body's receiver names the person."""
        return replace(self, again=False)

    def messages(self, batch: Batch, now: float, key: str) -> tuple[Request | Unsendable, ...]:
        url, templated = self.url, "{{" in self.url
        try:
            if templated:
                url = self._text(url, batch)
            body = self._message(batch) if self.payload is None else self._own(batch)
        except TemplateError as error:
            return (Unsendable(error.message),)
        problem = url_problem(url) if templated else ""
        return (Unsendable(problem) if problem else Request("POST", url, body, _AGENT, self.http, self.root),)

    def _text(self, template: str, batch: Batch) -> str:
        return self.templates.text(template, self.templates.data(batch, self.max_alerts), batch.now)

    def _message(self, batch: Batch) -> bytes:
        """The body of version 4."""
        most = self.max_alerts
        left_out = max(0, len(batch.alerts) - most) if most else 0
        more = {"version": "4", "groupKey": batch.group_key, "truncatedAlerts": left_out}
        whole = {**data_json(batch, most, self.templates.route_labels(batch)), **more}
        return escaped(orjson.dumps(whole)) + b"\n"

    def _own(self, batch: Batch) -> bytes:
        data = self.templates.data(batch, self.max_alerts)
        return go_json(_filled(self.payload, lambda text: self.templates.text(text, data, batch.now))) + b"\n"

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
    if "{{" in made.url:
        try:
            setting.templates.parse(made.url)
        except TemplateError as error:
            raise setting.refuse("url", f"invalid template syntax: {error.message}") from error
    elif made.url:
        setting.check_url("url", made.url)
    return Webhook(
        url=made.url, url_file=made.url_file, name=channel_name("webhook", made.url or made.url_file),
        templates=setting.templates, http=setting.http(made.http_config), root=str(setting.folder),
        payload=made.payload, send_resolved=made.send_resolved, max_alerts=made.max_alerts, timeout=made.timeout,
    )  # fmt: skip


def _filled(value: Any, fill: Any, depth: int = 0) -> Any:
    """A payload with its texts filled in; a text that then reads as YAML of another kind is that, as upstream."""
    if depth > _DEEPEST:
        raise TemplateError("the payload goes too deep")
    if isinstance(value, str):
        text = fill(value)
        if text in _WORDS:
            return _WORDS[text]
        try:
            again = parse(text, "").data
        except DocumentError:
            return text
        return text if isinstance(again, str) else _plain(again, depth)
    if isinstance(value, list):
        return [_filled(v, fill, depth + 1) for v in value]
    if isinstance(value, Mapping):
        return {fill(k): _filled(v, fill, depth + 1) for k, v in value.items() if isinstance(k, str)}
    return value


def _plain(value: Any, depth: int) -> Any:
    """A value as JSON can have it: keys that are no text are left out. Its own texts stand as they are."""
    if depth > _DEEPEST:
        raise TemplateError("the payload goes too deep")
    if isinstance(value, list):
        return [_plain(v, depth + 1) for v in value]
    if isinstance(value, Mapping):
        return {k: _plain(v, depth + 1) for k, v in value.items() if isinstance(k, str)}
    return value
