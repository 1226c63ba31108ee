"""Answers that the edge gives itself, as raw ASGI."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.types import Send

from platform_app.kit.problem import Problem

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    body: bytes
    content_type: str
    headers: Headers = field(default_factory=list)

    async def send(self, send: Send, headers: Headers) -> None:
        """Sends it, with more headers."""
        own = [(b"content-type", self.content_type.encode()), (b"content-length", str(len(self.body)).encode())]
        await send({"type": "http.response.start", "status": self.status, "headers": [*own, *self.headers, *headers]})
        await send({"type": "http.response.body", "body": self.body})


def json_answer(content: Any, status: int = 200) -> Answer:
    return Answer(status, orjson.dumps(content), "application/json")


def html_answer(text: str) -> Answer:
    policy = b"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
    return Answer(200, text.encode(), "text/html; charset=utf-8", [(b"content-security-policy", policy)])


def problem_answer(problem: Problem, trace_id: str) -> Answer:
    headers = [(k.lower().encode(), v.encode()) for k, v in problem.headers.items()]
    return Answer(problem.status, orjson.dumps(problem.body(trace_id)), "application/problem+json", headers)
