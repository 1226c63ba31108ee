"""The document of Alertmanager's email. Source: alertmanager notify/email.EmailConfig."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated

from pydantic import Field

from opsctl.core.document import document
from opsctl.core.http_settings import TlsConfig


@document
class ThreadingOf:
    """Whether mails of one group answer to each other; `thread_by_date`: for ever (none), or within a day (daily)."""

    enabled: bool = False
    thread_by_date: str = ""


@document
class EmailOf:
    """A mail a notification. What is not given is the global `smtp_*`; to, from, headers, html, text are templates."""

    to: str = ""
    sender: Annotated[str, Field(alias="from")] = ""
    hello: str = ""
    smarthost: str = ""
    auth_username: str = ""
    auth_password: str = ""
    auth_password_file: str = ""
    auth_secret: str = ""
    auth_secret_file: str = ""
    auth_identity: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    html: str = '{{ template "email.default.html" . }}'
    text: str = ""
    require_tls: bool | None = None
    tls_config: TlsConfig | None = None
    force_implicit_tls: bool | None = None
    threading: ThreadingOf = field(default_factory=ThreadingOf)
    send_resolved: bool = False
