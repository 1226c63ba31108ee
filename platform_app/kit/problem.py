"""Problems as HTTP answers: problem+json (RFC 9457) with a stable `code`."""

from __future__ import annotations

from typing import Any


class Problem(Exception):
    """An expected failure: raise `Problem(409, "slot_taken", "该时段已被预约")`.

    `detail` is for the customer (zh-CN first); `code` is for programs; `extra` joins the JSON body.
    """

    def __init__(
        self, status: int, code: str, detail: str = "", *, headers: dict[str, str] | None = None, **extra: Any
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers or {}
        self.extra = extra

    def body(self, trace_id: str = "") -> dict[str, Any]:
        """The problem document."""
        return {
            "type": f"/problems/{self.code}",
            "title": self.code.replace("_", " "),
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "trace_id": trace_id,
            **self.extra,
        }


def not_found(what: str) -> Problem:
    return Problem(404, "not_found", f"没有这个{what}")
