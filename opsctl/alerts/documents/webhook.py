"""The document of Alertmanager's webhook."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from opsctl.alerts.documents.values import GoSpan
from opsctl.core.document import document
from opsctl.core.http_settings import HttpSettings


@document
class WebhookOf:
    """Alertmanager's webhook: its JSON, or `payload` with its texts filled in, posted to `url` (a template)."""

    url: str = ""
    url_file: str = ""
    send_resolved: bool = True
    max_alerts: Annotated[int, Field(ge=0)] = 0
    timeout: GoSpan = 0.0
    payload: Any = None
    http_config: HttpSettings | None = None
