"""The metrics and alerting processes as the ops process sees them: over HTTP, bounded in time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import requests

from opsctl.core.errors import OpsctlError, Unreachable
from opsctl.core.settings import Settings

_TIMEOUT = 5.0


class Peers:
    """What ops asks of the other two processes. Raises Unreachable when one does not answer."""

    def __init__(self, settings: Settings) -> None:
        self._metrics = settings.metrics_url
        self._alerting = settings.alerting_url

    def summary(self) -> dict[str, Any]:
        """Counts for `opsctl status`; a peer that does not answer is named instead."""
        try:
            return {"firing_alerts": sum(1 for a in self._alerts() if a["labels"].get("alertname") != "Watchdog")}
        except OpsctlError as error:
            return {"firing_alerts": error.message}

    def reload(self) -> dict[str, str]:
        """Has both load their documents again; what each answered."""
        return {name: outcome(call) for name, call in (
            ("metrics", lambda: self._reload(self._metrics)), ("alerting", lambda: self._reload(self._alerting)),
        )}  # fmt: skip

    def _alerts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._send("GET", f"{self._alerting}/api/v2/alerts").json()
        return found

    def _reload(self, url: str) -> None:
        answer = self._send("POST", f"{url}/-/reload")
        if not answer.ok:
            raise OpsctlError(f"{answer.status_code} {answer.text.strip()[:500]}")

    def _send(self, method: str, url: str) -> requests.Response:
        try:
            return requests.request(method, url, timeout=_TIMEOUT)
        except requests.RequestException as error:
            raise Unreachable(f"{url} does not answer", "opsctl status") from error


def outcome(call: Callable[[], object]) -> str:
    """`ok`, or why not."""
    try:
        call()
    except OpsctlError as error:
        return error.message
    return "ok"
