"""The document of damping."""

from __future__ import annotations

from opsctl.alerts.documents.values import Positive
from opsctl.core.document import document


@document
class FlappingOf:
    """When an alert counts as flapping: it fires anew `times` `within` this time, until it is still for `calm`.

    `severities`: whose alerts are damped (by their label); `times: 0` damps nothing.
    """

    times: int = 5
    within: Positive = 1800.0
    calm: Positive = 600.0
    severities: tuple[str, ...] = ("warning", "info")
