"""The document of Alertmanager's webhook."""

from __future__ import annotations

from opsctl.core.document import Duration, document


@document
class WebhookOf:
    """Alertmanager's webhook: its JSON, posted to `url`."""

    url: str = ""
    url_file: str = ""
    send_resolved: bool = True
    max_alerts: int = 0
    timeout: Duration = 0.0
