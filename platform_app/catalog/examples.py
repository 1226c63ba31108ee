"""What the catalog's API document shows."""

from __future__ import annotations

from typing import Any

from platform_app.kit.documented import FORBIDDEN, UNAUTHORIZED, documented

_OFFERING = {
    "id": 12,
    "service_id": 9,
    "service_name": "空调挂机清洗",
    "category_id": 3,
    "category_name": "家电清洗",
    "provider_id": 7,
    "provider_name": "王芳阿姨",
    "district": "西湖区",
    "rating": 4.72,
    "price_fen": 9_800,
    "duration_minutes": 60,
}
_ITEM = {"id": 12, "name": "空调", "name_en": "unit", "base_fen": 9_800, "minutes": 60, "unit": "台"}
_MORE = {"included": 1, "most": 4, "unit_fen": 7_000, "unit_minutes": 40}
_RULES = {"weekend_bp": 10_000, "holiday_bp": 12_000, "evening_bp": 10_000, "evening_from": 1080, "min_fen": 0}
_OFFER = {
    "items": [{**_ITEM, **_MORE}],
    "options": [{"id": 7, "name": "高温除菌", "name_en": "steam", "price_fen": 3_000, "minutes": 15, "most": 3}],
    "rules": {**_RULES, "districts": {"钱塘区": 1_500}},
}
_GONE = (404, "not_found", "没有这个服务项目")
_ORDERS_AWAY = ((502, "upstream_unavailable", "orders 暂时不可用"), (504, "upstream_timeout", "orders 响应超时"))
_LINES = [
    {"code": "base", "label": "空调", "label_en": "unit", "fen": 9_800},
    {"code": "units", "label": "加 1台", "label_en": "1 more", "fen": 7_000},
    {"code": "holiday", "label": "元旦加价", "label_en": "public holiday", "fen": 3_360},
]
_QUOTE: dict[str, Any] = {"item_id": 12, "units": 2, "minutes": 100, "total_fen": 20_160, "lines": _LINES}

CATEGORIES = documented({"items": [{"id": 3, "name": "家电清洗", "intro": "拆洗消毒,省电又健康"}]})
SERVICES = documented(
    {"items": [{"id": 9, "category_id": 3, "name": "空调挂机清洗", "intro": "拆罩清洗", "duration_minutes": 60}]}
)
OFFERINGS = documented(
    {"items": [{**_OFFERING, "free_from": "2026-12-01T09:30:00+08:00"}], "next_cursor": "WzQ3MiwxMl0"},
    (400, "bad_cursor", "分页参数无效"),
    (422, "bad_time", "日期格式应为 YYYY-MM-DD"),
    *_ORDERS_AWAY,
)
OFFERING = documented(_OFFERING, _GONE)
ITEMS = documented(_OFFER, _GONE)
WRITE_ITEMS = documented(
    _OFFER, UNAUTHORIZED, FORBIDDEN, _GONE, (422, "offer_invalid", "空调:最大数量不能小于包含的数量")
)
QUOTE = documented(
    {"offering_id": 12, "starts_at": "2027-01-01T10:00:00+08:00", **_QUOTE},
    _GONE,
    (422, "bad_quantity", "空调:数量须在 1–4台 之间"),
    (422, "no_such_item", "没有这个规格"),
    (422, "no_such_option", "没有这个附加项"),
    (422, "option_twice", "同一附加项只能选一次,请改数量"),
    (422, "bad_time", "开始时间格式有误"),
)
