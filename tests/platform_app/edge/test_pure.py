"""The edge's pure parts: routes, limits, the merged document, the pages."""

from __future__ import annotations

import re
from typing import Any

import pytest

from platform_app.edge.docs import docs
from platform_app.edge.landing import landing
from platform_app.edge.limits import MOST, Limiter
from platform_app.edge.openapi import merge
from platform_app.edge.routes import match


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/auth/code", "users"),
        ("/me", "users"),
        ("/providers", "providers"),
        ("/providers/7", "providers"),
        ("/providers/7/slots", "orders"),
        ("/offerings", "catalog"),
        ("/orders", "orders"),
        ("/orders/7", "orders"),
        ("/orders/7/pay", "payments"),
        ("/orders/7/complete", "orders"),
        ("/payments/wechat/notify", "payments"),
        ("/messages", "messages"),
        ("/messages/7/read", "messages"),
        ("/settlement/balance", "settlement"),
        ("/settlement/operator/differences/7/resolve", "settlement"),
    ],
)
def test_paths_find_their_service(path: str, service: str) -> None:
    route = match(f"/api/v1{path}")
    assert route is not None
    assert route.service == service


@pytest.mark.parametrize(
    "path", ["/internal/orders/1", "/api/v1/internal/activity", "/api/v1/orders/7/steal", "/api/v1", "/metrics/x"]
)
def test_other_paths_lead_nowhere(path: str) -> None:
    assert match(path) is None


def test_a_bucket_empties_and_fills() -> None:
    limiter = Limiter()
    assert [limiter.wait("a", 600, 0.0) for _ in range(60)] == [0.0] * 60
    assert limiter.wait("a", 600, 0.0) == pytest.approx(0.1)
    assert limiter.wait("b", 600, 0.0) == 0.0, "another caller is another bucket"
    assert limiter.wait("a", 600, 0.11) == 0.0
    assert limiter.wait("a", 0, 0.11) == 0.0, "0 is no limit"
    assert sum(limiter.wait("a", 600, 100.0) == 0.0 for _ in range(100)) == 60, "never more than its size"


def test_many_callers_do_not_fill_the_memory() -> None:
    limiter = Limiter()
    for number in range(MOST + 100):
        limiter.wait(f"a{number}", 600, float(number) / 1000)
    assert len(limiter._buckets) <= MOST


def _document(path: str, schema: dict[str, Any]) -> dict[str, Any]:
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}
    operation = {"summary": "Do <it>", "tags": ["x"], "requestBody": body, "parameters": []}
    return {"paths": {path: {"post": operation}}, "components": {"schemas": {"Thing": schema}}}


def test_documents_merge_and_same_names_stay_apart() -> None:
    one = {"type": "object", "properties": {"a": {"type": "integer"}}}
    two = {"type": "object", "properties": {"b": {"type": "string", "description": "a word"}}}
    merged = merge({"users": _document("/api/v1/auth/a", one), "orders": _document("/api/v1/b", two)}, ["catalog"])
    assert set(merged["paths"]) == {"/api/v1/auth/a", "/api/v1/b"}
    assert merged["components"]["schemas"] == {"Thing": one, "OrdersThing": two}
    assert "security" not in merged["paths"]["/api/v1/auth/a"]["post"]
    assert merged["paths"]["/api/v1/b"]["post"]["security"]
    page = docs(merged, "http://127.0.0.1:8080")
    assert "Do &lt;it&gt;" in page
    assert "a word" in page
    assert "catalog" in page
    _needs_no_other_host(page)


def test_the_landing_page_says_what_is_missing_and_escapes() -> None:
    category = {"id": 1, "name": "<b>保洁", "intro": "x"}
    page = landing([category], None, [])
    assert "&lt;b&gt;保洁" in page
    assert page.count("暂时不可用") == 1
    _needs_no_other_host(page)


def _needs_no_other_host(page: str) -> None:
    assert not re.search(r"(src|href)=\"(https?:)?//", page)
    assert "<script" not in page
