"""The page at `/`: what the business offers, rendered from its own API."""

from __future__ import annotations

import asyncio
from html import escape
from typing import Any

from platform_app.edge.style import page
from platform_app.kit.client import Client
from platform_app.kit.problem import Problem

Items = list[dict[str, Any]] | None
_PARTS = (
    ("catalog", "/api/v1/categories"),
    ("catalog", "/api/v1/offerings?limit=8&sort=rating"),
    ("providers", "/api/v1/providers?limit=8"),
)


async def render(client: Client) -> str:
    """The page of this moment; a part whose service is down says so."""
    categories, offerings, providers = await asyncio.gather(*(_items(client, s, p) for s, p in _PARTS))
    return landing(categories, offerings, providers)


async def _items(client: Client, service: str, path: str) -> Items:
    try:
        answer = await client.call(service, "GET", path, timeout=2)
        return list(answer.json()["items"]) if answer.ok else None
    except (Problem, ValueError, KeyError):
        return None


def landing(categories: Items, offerings: Items, providers: Items) -> str:
    """Pure: the parts as HTML; None is a part that could not be had."""
    header = (
        "<h1>安心家政</h1><p>杭州本地家政预约:保洁、清洗、维修、护理,半小时一档,约好就上门。"
        " · Home services in Hangzhou</p>"
        '<nav><a href="/docs">接口文档 API docs</a><a href="/openapi.json">openapi.json</a>'
        '<a href="/api/v1/offerings?limit=20">全部服务 JSON</a><a href="/readyz">运行状态</a></nav>'
    )
    body = (
        _part("服务分类", "Categories", categories, _category)
        + _part("好评服务", "Best rated", offerings, _offering)
        + _part("金牌服务者", "Providers", providers, _provider)
        + "<footer>预约流程:验证码登录 → 选服务与时段 → 15 分钟内支付 → 服务者接单 → 上门完成。</footer>"
    )
    return page("安心家政 · 预约平台", header, body)


def _part(title: str, english: str, items: Items, card: Any) -> str:
    head = f"<h2>{title}<small>{english}</small></h2>"
    if items is None:
        return head + '<div class="gone">暂时不可用,请稍后再试。 / Temporarily unavailable.</div>'
    return head + f'<div class="grid">{"".join(card(item) for item in items)}</div>'


def _category(item: dict[str, Any]) -> str:
    link = f"/api/v1/offerings?category={int(item['id'])}"
    return f'<div class="card"><a href="{link}"><b>{escape(item["name"])}</b></a><p>{escape(item["intro"])}</p></div>'


def _offering(item: dict[str, Any]) -> str:
    price = f'<span class="price">¥{item["price_fen"] / 100:.0f}</span>'
    about = f"{escape(item['provider_name'])} · {escape(item['district'])} · {item['duration_minutes']} 分钟"
    return f'<div class="card"><b>{escape(item["service_name"])}</b> {price}<p>{about} · {_star(item)}</p></div>'


def _provider(item: dict[str, Any]) -> str:
    about = f"{escape(item['district'])} · 已完成 {item['orders_done']} 单"
    return (
        f'<div class="card"><a href="/api/v1/providers/{int(item["id"])}"><b>{escape(item["name"])}</b></a> '
        f"{_star(item)}<p>{about}</p><p>{escape(item['intro'])}</p></div>"
    )


def _star(item: dict[str, Any]) -> str:
    return f'<span class="star">★ {item["rating"]:.2f}</span>'
