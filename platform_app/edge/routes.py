"""Which service answers which path: one table, first match wins. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

API = "/api/v1"


@dataclass(frozen=True, slots=True)
class Route:
    """A path pattern (`{}` is one segment, a trailing `*` anything below) and the service behind it."""

    pattern: str
    service: str


ROUTES = tuple(
    Route(API + pattern, service)
    for pattern, service in (
        ("/auth/*", "users"),
        ("/me/*", "users"),
        ("/me", "users"),
        ("/users/*", "users"),
        ("/providers/{}/slots", "orders"),
        ("/providers/{}/free", "orders"),
        ("/providers/{}/calendar", "orders"),
        ("/providers/{}/calendar/*", "orders"),
        ("/providers/{}", "providers"),
        ("/providers", "providers"),
        ("/categories", "catalog"),
        ("/services", "catalog"),
        ("/offerings/{}/items", "catalog"),
        ("/offerings/{}/quote", "catalog"),
        ("/offerings/{}", "catalog"),
        ("/offerings", "catalog"),
        ("/orders/{}/pay", "payments"),
        ("/orders/{}/payments", "payments"),
        ("/orders/{}/cancel", "orders"),
        ("/orders/{}/accept", "orders"),
        ("/orders/{}/complete", "orders"),
        ("/orders/{}/photo", "orders"),
        ("/orders/{}", "orders"),
        ("/orders", "orders"),
        ("/payments/*", "payments"),
        ("/messages/*", "messages"),
        ("/messages", "messages"),
        ("/settlement/*", "settlement"),
    )
)
NAMES = {
    "users": "用户服务",
    "providers": "服务者服务",
    "catalog": "目录服务",
    "orders": "订单服务",
    "payments": "支付服务",
    "messages": "消息服务",
    "settlement": "结算服务",
}


def _regex(pattern: str) -> re.Pattern[str]:
    text = re.escape(pattern).replace(r"\{\}", "[^/]+").replace(r"\*", ".*")
    return re.compile(f"^{text}$")


_COMPILED = tuple((_regex(r.pattern), r) for r in ROUTES)


@lru_cache(4096)
def match(path: str) -> Route | None:
    """The route of a path, or None. `/internal/…` is never routed."""
    return next((route for regex, route in _COMPILED if regex.match(path)), None)
