"""The alerting process as incidents see it: Alertmanager's API, and ours where it is there."""

from __future__ import annotations

from typing import Any

import requests

from opsctl.core.errors import NotFound, OpsctlError, Unreachable
from opsctl.incidents.seen import Seen, SeenAlert, acks_of, alerts_of, deliveries_of

_TIMEOUT = 5.0


class AlertingSource:
    """Polls `url`. With a plain Alertmanager there are no acknowledgements and no delivery log. Raises Unreachable."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False

    def seen(self, since: float) -> Seen:
        """Everything firing now, acknowledgements in force, deliveries created since."""
        return Seen(
            alerts=self.alerts(),
            acks=acks_of(self._get("/api/opsctl/v1/acks", optional=True)),
            deliveries=deliveries_of(
                self._get("/api/opsctl/v1/deliveries", optional=True, since=f"{since:.3f}", limit="1000")
            ),
        )

    def alerts(self) -> tuple[SeenAlert, ...]:
        """Everything firing now."""
        return alerts_of(self._get("/api/v2/alerts"))

    def ack(self, fingerprint: str, who: str, via: str, comment: str) -> None:
        """Acknowledges an alert. Raises NotFound when it does not fire any more."""
        path = f"/api/opsctl/v1/alerts/{fingerprint}/ack"
        answer = self._send("POST", path, json={"who": who, "via": via, "comment": comment})
        if answer.status_code == 404:
            raise NotFound(f"alert {fingerprint} does not fire, or this alerting process knows no acknowledgements")
        self._good(answer)

    def _get(self, path: str, optional: bool = False, **params: str) -> list[dict[str, Any]]:
        answer = self._send("GET", path, params=params)
        if optional and answer.status_code == 404:
            return []
        self._good(answer)
        found: list[dict[str, Any]] = answer.json()
        return found

    def _send(self, method: str, path: str, **arguments: Any) -> requests.Response:
        try:
            return self._session.request(method, f"{self._url}{path}", timeout=_TIMEOUT, **arguments)
        except requests.RequestException as error:
            raise Unreachable(f"the alerting process at {self._url} does not answer", "opsctl status") from error

    def _good(self, answer: requests.Response) -> None:
        if not answer.ok:
            raise OpsctlError(f"the alerting process answered {answer.status_code}: {answer.text[:200]}")
