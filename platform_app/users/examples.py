"""What the API document shows: a sample of each answer, and of each problem by its status."""

from __future__ import annotations

from typing import Any

_TIME = "2026-11-25T09:30:00+08:00"
_TOKENS: dict[str, Any] = {
    "access_token": "eyJhbGciOiJIUzI1NiIs…",
    "token_type": "bearer",
    "expires_in": 900,
    "refresh_token": "AAAAAAAAAAcAAAAAq1…",
    "refresh_expires_in": 2_592_000,
    "device_id": 7,
}
_PROFILE: dict[str, Any] = {
    "id": 1001,
    "phone": "139****0077",
    "name": "王芳",
    "role": "customer",
    "provider_id": None,
    "created_at": _TIME,
    "version": 3,
}
_ADDRESS: dict[str, Any] = {
    "id": 12,
    "contact": "王芳",
    "phone": "13900000077",
    "province": "浙江省",
    "city": "杭州市",
    "district": "西湖区",
    "street": "文三路 99 号",
    "detail": "3 幢 2 单元 501",
    "label": "家",
    "lat": 30.276851,
    "lng": 120.131932,
    "default": True,
    "version": 1,
    "updated_at": _TIME,
}
_DEVICE: dict[str, Any] = {
    "id": 7,
    "name": "我的手机",
    "app": "anxin/2.3 (Android 14)",
    "user_agent": "okhttp/4.12",
    "created_at": _TIME,
    "last_seen_at": _TIME,
}
_SEEN_ADDRESS: dict[str, Any] = {
    "id": 12,
    "contact": "王**",
    "phone": "139****0077",
    "province": "浙江省",
    "city": "杭州市",
    "district": "西湖区",
    "street": "文三***",
}
ANSWERS: dict[str, Any] = {
    "sent": {"sent": True, "expires_in": 300, "retry_after": 60},
    "tokens": _TOKENS,
    "login": {**_TOKENS, "user": _PROFILE},
    "profile": _PROFILE,
    "address": _ADDRESS,
    "addresses": {"items": [_ADDRESS]},
    "devices": {"items": [{**_DEVICE, "current": True}]},
    "seen": {
        "id": 1001,
        "phone": "139****0077",
        "name": "王**",
        "role": "customer",
        "created_at": _TIME,
        "deleted_at": None,
        "devices": 2,
        "addresses": [_SEEN_ADDRESS],
    },
    "export": {
        "exported_at": _TIME,
        "profile": {"id": 1001, "phone": "13900000077", "name": "王芳", "role": "customer", "created_at": _TIME},
        "addresses": [_ADDRESS],
        "devices": [_DEVICE],
    },
}
_PROBLEMS = {
    400: ("http_error", "请求内容无法解析"),
    401: ("unauthorized", "登录已失效,请重新登录"),
    403: ("forbidden", "没有权限"),
    404: ("not_found", "没有这个地址"),
    409: ("version_changed", "内容已被修改,请刷新后再试"),
    412: ("version_changed", "内容已被修改,请刷新后再试"),
    422: ("invalid", "请求内容有误"),
    428: ("version_needed", "请提供版本号(If-Match 或 version)"),
    429: ("code_too_soon", "请 42 秒后再试"),
    502: ("sms_failed", "短信暂时无法发送,请稍后再试"),
    503: ("database_locked", "系统繁忙,请稍后再试"),
}


def answers(name: str, *problems: int, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an endpoint: its answer by name ('' when it has no body), and the problems it may give."""
    found: dict[int | str, dict[str, Any]] = {code: problem(code) for code in sorted({*problems, 400, 422, 503})}
    if name:
        shown = {"schema": schema_of(ANSWERS[name]), "example": ANSWERS[name]}
        found[202 if name == "sent" else status] = {"description": "OK", "content": {"application/json": shown}}
    return found


def problem(status: int) -> dict[str, Any]:
    """A problem as the API document shows it."""
    code, detail = _PROBLEMS[status]
    title = code.replace("_", " ")
    body = {"type": f"/problems/{code}", "title": title, "status": status, "code": code, "detail": detail}
    example = {**body, "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}
    return {"description": title, "content": {"application/problem+json": {"example": example}}}


def schema_of(sample: Any) -> dict[str, Any]:
    """The JSON schema of an answer like `sample`; what is null there may be anything."""
    if isinstance(sample, dict):
        return {"type": "object", "required": list(sample), "properties": {k: schema_of(v) for k, v in sample.items()}}
    if isinstance(sample, list):
        return {"type": "array", "items": schema_of(sample[0])}
    names = ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"))
    return next(({"type": name} for kind, name in names if isinstance(sample, kind)), {})
