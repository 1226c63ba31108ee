"""W3C trace context: one trace through all services, a span a hop."""

from __future__ import annotations

import os
import re
from contextvars import ContextVar
from dataclasses import dataclass

_TRACEPARENT = re.compile(r"^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$")
_REQUEST_ID = re.compile(r"^[A-Za-z0-9._:-]{1,80}$")


@dataclass(frozen=True, slots=True)
class Trace:
    """Where this request stands: its trace, our span, the id that a customer can quote."""

    trace_id: str
    span_id: str
    request_id: str

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-01"


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


def current() -> Trace | None:
    """The trace of the request being handled, or None outside of one."""
    return _current.get()


def enter(trace: Trace) -> None:
    """Makes `trace` the current one of this task."""
    _current.set(trace)


def begin(traceparent: str = "", request_id: str = "") -> Trace:
    """A span under the caller's trace; a new trace when the header is missing or malformed."""
    match = _TRACEPARENT.match(traceparent)
    fresh = os.urandom(24).hex()
    trace_id = match[1] if match and match[1] != "0" * 32 else fresh[:32]
    own_id = request_id if _REQUEST_ID.match(request_id) else trace_id
    return Trace(trace_id, fresh[32:], own_id)
