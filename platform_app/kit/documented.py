"""What the API document shows of an endpoint: an example of its answer, and every refusal that it may give."""

from __future__ import annotations

from typing import Any

Refusal = tuple[int, str, str]
"""Status, code, and the words that a customer reads."""

UNAUTHORIZED: Refusal = (401, "unauthorized", "请先登录")
FORBIDDEN: Refusal = (403, "forbidden", "没有权限")
INVALID: Refusal = (422, "invalid", "请求内容有误")
BUSY: Refusal = (503, "database_locked", "系统繁忙,请稍后再试")


def documented(example: Any, *refusals: Refusal, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an endpoint; 422 and 503 are always possible. Refusals of one status share its entry."""
    found: dict[int | str, dict[str, Any]] = {
        status: {"description": "OK", "content": {"application/json": {"example": example}}}
    }
    for number, code, detail in (*refusals, INVALID, BUSY):
        content: dict[str, Any] = {"examples": {}}
        entry = found.setdefault(
            number, {"description": code.replace("_", " "), "content": {"application/problem+json": content}}
        )
        entry["content"]["application/problem+json"]["examples"][code] = {
            "value": {"type": f"/problems/{code}", "status": number, "code": code, "detail": detail}
        }
    return found
