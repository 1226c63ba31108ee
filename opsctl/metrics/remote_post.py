"""One request to a remote-write receiver, and what its answer means. Source: the remote write specification."""

from __future__ import annotations

import asyncio
import email.utils
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp

from opsctl.core.clock import Clock
from opsctl.core.errors import OpsctlError
from opsctl.core.http_client import HttpClient
from opsctl.core.http_errors import failure_text
from opsctl.core.http_settings import HttpSettings

_LONGEST_WAIT = 3600.0


@dataclass(frozen=True, kw_only=True)
class Remote:
    """Where and how to write. Times in seconds, 0 for no `age_limit`. Files in `settings` are relative to `root`."""

    name: str
    url: str
    timeout: float = 30.0
    headers: Mapping[str, str] = field(default_factory=dict)
    settings: HttpSettings = field(default_factory=HttpSettings)
    root: str = ""
    most_samples: int = 2000
    deadline: float = 5.0
    min_backoff: float = 0.03
    max_backoff: float = 5.0
    min_shards: int = 1
    max_shards: int = 50
    capacity: int = 10_000
    age_limit: float = 0.0
    retry_429: bool = False
    metadata_every: float = 0.0
    metadata_most: int = 2000

    @property
    def by(self) -> tuple[str, str]:
        """The labels of its series."""
        return self.name, self.url


@dataclass(frozen=True, slots=True)
class Taken:
    """The receiver has it."""


@dataclass(frozen=True, slots=True)
class Again:
    """To be tried again, after so many seconds if the receiver said so."""

    reason: str
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Never:
    """The receiver will not take it."""

    reason: str


Outcome = Taken | Again | Never


def outcome(status: int, text: str, retry_after: str, now: float, retry_429: bool = False) -> Outcome:
    """What an answer means: 5xx is tried again, 429 where that is wanted."""
    if status // 100 == 2:
        return Taken()
    reason = f"server returned HTTP status {status}: {text.strip()[:200]}"
    if status // 100 == 5 or (status == 429 and retry_429):
        return Again(reason, _seconds(retry_after, now))
    return Never(reason)


def _seconds(text: str, now: float) -> float:
    """Retry-After: seconds, or a date."""
    if text.strip().isdigit():
        return min(float(text), _LONGEST_WAIT)
    try:
        until = email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError):
        return 0.0
    return min(max(0.0, until - now), _LONGEST_WAIT)


async def post(client: HttpClient, remote: Remote, body: bytes, clock: Clock) -> Outcome:
    """Sends a snappy block."""
    headers = {
        **remote.headers, "Content-Encoding": "snappy", "Content-Type": "application/x-protobuf",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }  # fmt: skip
    try:
        async with (
            asyncio.timeout(remote.timeout),
            client.request("POST", remote.url, remote.settings, remote.root, headers, body) as answer,
        ):
            text = (await answer.content.read(1000)).decode(errors="replace")
            retry_after = answer.headers.get("Retry-After", "")
            return outcome(answer.status, text, retry_after, clock.now(), remote.retry_429)
    except (aiohttp.ClientError, OSError, TimeoutError, OpsctlError) as error:
        return Again(failure_text(error, remote.url, "Post"))
