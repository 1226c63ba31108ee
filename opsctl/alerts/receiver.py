"""What a receiver is: pure functions from a batch to requests, and from an answer to an outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from opsctl.alerts.batch import Batch


@dataclass(frozen=True)
class Request:
    """One HTTP call."""

    method: str
    url: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


@dataclass(frozen=True)
class Response:
    """What came back."""

    status: int
    body: bytes = b""


@dataclass(frozen=True)
class Sent:
    """The channel has taken the message."""


@dataclass(frozen=True)
class RetryAfter:
    """Not taken; try again after `seconds` (None: exponential back-off), at most `most` times.

    `rest` means that the whole channel has to rest, not this message alone.
    """

    reason: str
    seconds: float | None = None
    rest: bool = False
    most: int | None = None


@dataclass(frozen=True)
class Refused:
    """Never to be taken as it is: kept, with the reason, for a retry by hand."""

    reason: str


Outcome = Sent | RetryAfter | Refused


@dataclass(frozen=True, kw_only=True)
class Channel:
    """How one place may be called. `name` is the same for two receivers that share a robot.

    `lanes`: messages in flight at once; `rate`: messages in any rolling minute, 0 without limit;
    `timeout` in seconds; `again`: whether a refused batch is tried anew at the group's next flush.
    """

    name: str
    lanes: int = 1
    rate: int = 0
    timeout: float = 10.0
    again: bool = False


class Receiver(Protocol):
    """One integration of a receiver."""

    @property
    def kind(self) -> str: ...

    @property
    def channel(self) -> Channel: ...

    @property
    def send_resolved(self) -> bool: ...

    def messages(self, batch: Batch, now: float, key: str) -> tuple[Request, ...]:
        """The calls that tell a batch at `now`; `key` is the same at each try, for idempotency."""
        ...

    def outcome(self, response: Response) -> Outcome: ...


@dataclass(frozen=True)
class Integration:
    """One entry of a `*_configs` list: `key` is receiver/kind/index, as the notification log knows it."""

    receiver: str
    index: int
    impl: Receiver

    @property
    def key(self) -> str:
        return f"{self.receiver}/{self.impl.kind}/{self.index}"


def by_status(response: Response) -> Outcome:
    """HTTP's own meaning: 2xx sent, 429 and 5xx again, the rest refused. Source: alertmanager notify.Retrier."""
    if 200 <= response.status < 300:
        return Sent()
    text = response.body[:200].decode("utf-8", "replace").strip()
    reason = f"HTTP {response.status}{': ' + text if text else ''}"
    if response.status >= 500 or response.status == 429:
        return RetryAfter(reason)
    return Refused(reason)
