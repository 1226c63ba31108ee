"""Answers that come with HTTP 200 and tell the truth in a code of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from opsctl.alerts.receiver import Outcome, Response, RetryAfter, Sent, by_status


@dataclass(frozen=True)
class Said:
    """What an answer said: its code, its words, and the whole of it."""

    code: int
    words: str
    body: dict[str, Any]

    @property
    def reason(self) -> str:
        return f"errcode {self.code}: {self.words}"[:500]


def read(response: Response, names: Sequence[tuple[str, str]] = (("errcode", "errmsg"),)) -> Said | Outcome:
    """The code of an answer; where there is none, what HTTP's status means (a 200 of nonsense is tried again).

    Raises ConnectionResetError when the answer broke off before it said so: the message may have been taken.
    """
    try:
        body = orjson.loads(response.body)
        for code, words in names:
            if isinstance(body, dict) and body.get(code) is not None:
                return Said(int(body[code]), str(body.get(words, "")), body)
    except (ValueError, TypeError):
        pass
    if not response.whole:
        raise ConnectionResetError
    found = by_status(response)
    return RetryAfter("HTTP 200 without errcode") if isinstance(found, Sent) else found


def channel_name(kind: str, *parts: str) -> str:
    """The same for two receivers that share a robot, and nothing secret."""
    return f"{kind}:{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:12]}"


def json_bytes(text: str) -> int:
    """The length of a text inside a JSON body."""
    return len(orjson.dumps(text)) - 2
