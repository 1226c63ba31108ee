"""Alertmanager's email: a mail a notification, from templates. Source: alertmanager notify/email."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from opsctl.alerts.batch import Batch
from opsctl.alerts.documents.email import EmailOf, ThreadingOf
from opsctl.alerts.mail import Mail, addresses, content, thread
from opsctl.alerts.notification_data import Data
from opsctl.alerts.notification_templates import Templates
from opsctl.alerts.receiver import Channel, Courier, Outcome, Refused, Unsendable, channel_name
from opsctl.alerts.setting import Setting
from opsctl.alerts.smtp import Server, send_mail
from opsctl.gotemplate import TemplateError

_SECONDS = 30.0
_STEP_SECONDS = 10.0  # less, so that a server that hangs before the content is known to have taken nothing
_SUBJECT = '{{ template "email.default.subject" . }}'


@dataclass(frozen=True, kw_only=True)
class Email:
    """Mails to everybody in `to`. `headers` by their canonical names."""

    to: str
    sender: str
    server: Server
    templates: Templates
    headers: dict[str, str] = field(default_factory=dict)
    html: str = ""
    text: str = ""
    threading: ThreadingOf = field(default_factory=ThreadingOf)
    send_resolved: bool = False
    kind: str = "email"

    @property
    def channel(self) -> Channel:
        name = channel_name("email", f"{self.server.host}:{self.server.port} {self.server.username}")
        return Channel(name=name, lanes=4, timeout=_SECONDS, again=True)

    def messages(self, batch: Batch, now: float, key: str) -> tuple[Mail | Unsendable, ...]:
        try:
            return (self._mail(batch, self.templates.data(batch), now, key),)
        except (TemplateError, ValueError) as error:
            return (Unsendable(str(error)),)

    def _mail(self, batch: Batch, data: Data, now: float, key: str) -> Mail:
        def text(template: str) -> str:
            return self.templates.text(template, data, batch.now)

        senders = addresses(text(self.sender))
        if len(senders) != 1:
            raise ValueError(f"must be exactly one 'from' address (got: {len(senders)})")
        headers = {name: text(value) for name, value in self._all_headers().items()} | self._answers_to(batch)
        made = content(
            headers, text(self.text), self.templates.html(self.html, data, batch.now) if self.html else "", now,
            f"{batch.group_key} {key}",
        )  # fmt: skip
        return Mail(senders[0], addresses(text(self.to)), made)

    def _all_headers(self) -> dict[str, str]:
        return {"From": self.sender, "To": self.to, "Subject": _SUBJECT, **self.headers}

    def _answers_to(self, batch: Batch) -> dict[str, str]:
        if not self.threading.enabled:
            return {}
        daily = self.threading.thread_by_date == "daily"
        day = f"{datetime.fromtimestamp(batch.now, UTC):%Y-%m-%d}" if daily else ""
        root = thread(batch.group_key, day)
        return {"References": root, "In-Reply-To": root}

    async def send(self, message: Any, courier: Courier) -> Outcome:
        """As Receiver; mail takes a way of its own."""
        if isinstance(message, Unsendable):
            return Refused(message.reason)
        return await send_mail(self.server, message, _STEP_SECONDS)


def build_email(made: EmailOf, setting: Setting) -> Email:
    """From its document, the rest from `global`. Raises DocumentError."""
    if not made.to:
        raise setting.refuse("to", "missing to address in email config")
    sender = made.sender or setting.common.smtp_from
    if not sender:
        raise setting.refuse("from", "no global SMTP from set: give from here or smtp_from in global")
    return Email(
        to=made.to, sender=sender, server=_server(made, setting), templates=setting.templates,
        headers=_headers(made, setting), html=made.html, text=made.text, threading=made.threading,
        send_resolved=made.send_resolved,
    )  # fmt: skip


def _server(made: EmailOf, setting: Setting) -> Server:
    common = setting.common
    field_name = "smarthost" if made.smarthost else ""
    host, port = _host_port(made.smarthost or common.smtp_smarthost, field_name, setting)
    tls = made.tls_config or common.smtp_tls_config
    own_password = made.auth_password or made.auth_password_file
    own_secret = made.auth_secret or made.auth_secret_file
    implicit = common.smtp_force_implicit_tls if made.force_implicit_tls is None else made.force_implicit_tls
    return Server(
        host=host, port=port, hello=made.hello or common.smtp_hello,
        implicit_tls=port == 465 if implicit is None else implicit,
        require_tls=common.smtp_require_tls if made.require_tls is None else made.require_tls,
        tls=tls, root=str(setting.folder), username=made.auth_username or common.smtp_auth_username,
        password=made.auth_password if own_password else common.smtp_auth_password,
        password_file=made.auth_password_file if own_password else common.smtp_auth_password_file,
        cram_secret=made.auth_secret if own_secret else common.smtp_auth_secret,
        cram_secret_file=made.auth_secret_file if own_secret else common.smtp_auth_secret_file,
        identity=made.auth_identity or common.smtp_auth_identity,
    )  # fmt: skip


def _host_port(text: str, field_name: str, setting: Setting) -> tuple[str, int]:
    if not text:
        raise setting.refuse("", "no global SMTP smarthost set: give smarthost here or smtp_smarthost in global")
    head, colon, port = text.rpartition(":")
    host = head[1:-1] if head.startswith("[") and head.endswith("]") else head
    if not colon or (":" in host and host == head):
        raise setting.refuse(field_name, f"address {text}: missing port in address")
    if not port:
        raise setting.refuse(field_name, f'address "{text}": port cannot be empty')
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise setting.refuse(field_name, f"address {text}: {port!r} is no port")
    return host or "localhost", int(port)


def _headers(made: EmailOf, setting: Setting) -> dict[str, str]:
    """By canonical name, since names of headers know no case."""
    found: dict[str, str] = {}
    for name, value in made.headers.items():
        canonical = "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-"))
        if canonical in found:
            raise setting.refuse("headers", f"duplicate header {canonical!r} in email config")
        found[canonical] = value
    if made.threading.enabled:
        for name in ("References", "In-Reply-To"):
            if name in found:
                raise setting.refuse("threading", f"threading.enabled conflicts with custom {name} header")
        if made.threading.thread_by_date not in ("none", "daily"):
            raise setting.refuse("threading", "threading.thread_by_date must be either 'none' or 'daily'")
    return found
