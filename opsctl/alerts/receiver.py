"""What a receiver is: from a batch to messages, and from each message to an outcome, with a courier at hand."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from opsctl.alerts.batch import Batch
from opsctl.core.http_settings import HttpSettings

NO_SETTINGS = HttpSettings(follow_redirects=False)


@dataclass(frozen=True)
class Request:
    """One HTTP call. `http`: credentials, TLS, redirects; its files are relative to `root`."""

    method: str
    url: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    http: HttpSettings = NO_SETTINGS
    root: str = ""


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


@dataclass(frozen=True)
class Unsendable:
    """Among a receiver's messages: what could not even be written, for good, because a template is wrong."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Channel:
    """How one place may be called. `name` is the same for two receivers that share a robot.

    `lanes`: messages in flight at once; `rate`: messages in any rolling minute, 0 without limit; `also`: further
    limits, each (messages, seconds); `people`: the parts of a batch go round so many people, each with limits of his
    own, and one whose message is refused keeps nothing from the others;
    `timeout` in seconds; `again`: whether a refused batch is tried anew at the group's next flush.
    """

    name: str
    lanes: int = 1
    rate: int = 0
    also: tuple[tuple[int, float], ...] = ()
    people: int = 1
    timeout: float = 10.0
    again: bool = False


class Courier(Protocol):
    """The way out. Raises what transport.py turns into outcomes: no answer, cannot connect, broken off."""

    async def http(self, request: Request) -> Response:
        """One HTTP call, within the channel's timeout."""
        ...


class Receiver(Protocol):
    """One integration of a receiver."""

    @property
    def kind(self) -> str: ...

    @property
    def channel(self) -> Channel: ...

    @property
    def send_resolved(self) -> bool: ...

    def messages(self, batch: Batch, now: float, key: str) -> tuple[Any, ...]:
        """What tells a batch at `now`, in parts; `key` is the same at each try, for idempotency. Pure."""
        ...

    async def send(self, message: Any, courier: Courier) -> Outcome:
        """Sends one of `messages`; may call more than once (a token first)."""
        ...


@runtime_checkable
class Addressed(Protocol):
    """A receiver that writes to people one by one: `people` as the channel knows them, each with links of his own."""

    @property
    def people(self) -> tuple[str, ...]: ...


def channel_name(kind: str, place: str) -> str:
    """A channel's name for a URL or a like secret, which it does not tell."""
    return f"{kind}:{hashlib.sha256(place.encode()).hexdigest()[:12]}"


class HttpReceiver:
    """A receiver whose messages are HTTP requests, one call each: it only has to read the answer."""

    def outcome(self, response: Response) -> Outcome:
        return by_status(response)

    async def send(self, message: Request | Unsendable, courier: Courier) -> Outcome:
        """As Receiver."""
        if isinstance(message, Unsendable):
            return Refused(message.reason)
        return self.outcome(await courier.http(message))


@dataclass(frozen=True)
class Integration:
    """One entry of a `*_configs` list: `key` is receiver/kind/index, as the notification log knows it.

    `standby`: it is told nothing by itself, but takes over what another channel of its receiver cannot send.
    """

    receiver: str
    index: int
    impl: Receiver
    standby: bool = False

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
