"""The document of a heartbeat."""

from __future__ import annotations

from opsctl.alerts.documents.values import Positive
from opsctl.core.document import document


@document
class HeartbeatOf:
    """Calls `url` each `interval` while an alert that is routed here fires, so that somebody outside notices silence."""

    url: str = ""
    url_file: str = ""
    interval: Positive = 60.0
