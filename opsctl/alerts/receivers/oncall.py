"""On-call: a receiver that pages people instead of a channel. The ladder is climbed in flows/escalating.py."""

from __future__ import annotations

from dataclasses import dataclass

from opsctl.alerts.batch import Batch
from opsctl.alerts.receiver import Channel, HttpReceiver, Request


@dataclass(frozen=True, kw_only=True)
class OnCallReceiver(HttpReceiver):
    """One entry of `oncall_configs`: `policy` or `schedule` is set. It takes no messages of its own."""

    policy: str
    schedule: str
    via: tuple[str, ...]
    send_resolved: bool = True
    kind: str = "oncall"

    @property
    def channel(self) -> Channel:
        return Channel(name="oncall")

    def messages(self, batch: Batch, now: float, key: str) -> tuple[Request, ...]:
        """None: its messages go out by the receivers named in `via`."""
        return ()
