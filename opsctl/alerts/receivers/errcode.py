"""Answers that come with HTTP 200 and tell the truth in a code of their own."""

from __future__ import annotations

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
    """The code of an answer; where there is none, what HTTP's status means (a 200 of nonsense is tried again)."""
    try:
        body = orjson.loads(response.body)
        for code, words in names:
            if isinstance(body, dict) and body.get(code) is not None:
                return Said(int(body[code]), str(body.get(words, "")), body)
    except (ValueError, TypeError):
        pass
    found = by_status(response)
    return RetryAfter("HTTP 200 without errcode") if isinstance(found, Sent) else found


def json_bytes(text: str) -> int:
    """The length of a text inside a JSON body."""
    return len(orjson.dumps(text)) - 2
