"""Heartbeat: a URL that is called while all is well, so that its silence is noticed by somebody outside.

Route an always-firing alert (Watchdog) to it: when the metrics process dies, the alert ends and the calls stop;
when the alerting process dies, they stop at once. The other side (a dead man's switch) then rings.
"""

from __future__ import annotations

from dataclasses import dataclass

from opsctl.alerts.batch import Batch
from opsctl.alerts.receiver import Channel, HttpReceiver, Request


@dataclass(frozen=True, kw_only=True)
class Heartbeat(HttpReceiver):
    """Called each `interval` seconds while an alert that is routed to it fires; it takes no part in the queue."""

    url: str
    name: str
    interval: float
    send_resolved: bool = False
    kind: str = "heartbeat"

    @property
    def channel(self) -> Channel:
        return Channel(name=self.name, timeout=min(10.0, self.interval))

    def messages(self, batch: Batch, now: float, key: str) -> tuple[Request, ...]:
        return (Request("GET", self.url, headers={}),)
