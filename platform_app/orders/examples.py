"""What the API document shows of slots, bookings and calendars."""

from __future__ import annotations

from typing import Any

from platform_app.kit.documented import FORBIDDEN, UNAUTHORIZED, documented

_START, _END = "2026-12-01T10:00:00+08:00", "2026-12-01T11:00:00+08:00"
_BAD_TIME = (422, "bad_time", "该服务需 60 分钟,当天服务时间为 08:00–12:00、13:00–18:00")
_NO_OFFERING = (404, "not_found", "没有这个服务项目")
_INACTIVE = (409, "offering_inactive", "该服务已下架")
_CATALOG_AWAY = ((502, "upstream_unavailable", "catalog 暂时不可用"), (504, "upstream_timeout", "catalog 响应超时"))
_CHOICES = (
    (422, "bad_quantity", "空调:数量须在 1–4台 之间"),
    (422, "no_such_item", "没有这个规格"),
    (422, "no_such_option", "没有这个附加项"),
)
_HELD: dict[str, Any] = {
    "id": 1, "no": "261130101500123456789012", "status": "held", "user_id": 1001, "provider_id": 7,
    "provider_name": "王芳阿姨", "service_id": 9, "service_name": "空调挂机清洗", "offering_id": 12, "amount_fen": 9_800,
    "district": "西湖区", "address": "杭州市西湖区文三路 1 号", "starts_at": _START, "ends_at": _END,
    "hold_until": "2026-11-30T10:30:00+08:00", "created_at": "2026-11-30T10:15:00+08:00",
}  # fmt: skip
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat")
_CALENDAR: dict[str, Any] = {
    "version": 4,
    "week": {**{day: ["08:00-18:00"] for day in _WEEKDAYS}, "sun": []},
    "breaks": {**{day: ["12:00-13:00"] for day in _WEEKDAYS}, "sun": []},
    "leave": [{"first": "2026-12-24", "last": "2026-12-31", "reason": "回老家"}],
    "days": {"2026-12-20": ["10:00-16:00"]},
    "holidays_off": True,
}
_OWNER = (UNAUTHORIZED, FORBIDDEN, (404, "not_found", "没有这个日历"))
_CHANGE = (
    *_OWNER,
    (409, "calendar_collides", "有 1 个预约在新的工作时间之外,请先改期或取消:261130101500123456789012"),
    (422, "calendar_invalid", "周一:时段 11:30-14:00 与前一时段重叠或顺序有误"),
    (422, "calendar_full", "请假最多 50 条,请先删除过期的"),
)

SLOTS = documented({"items": [{"starts_at": _START, "free": True}]}, (422, "bad_time", "日期格式应为 YYYY-MM-DD"))
FREE = documented(
    {"minutes": 60, "items": [{"starts_at": _START, "ends_at": _END}]},
    _NO_OFFERING,
    _INACTIVE,
    *_CHOICES,
    *_CATALOG_AWAY,
)
BOOK = documented(
    _HELD,
    UNAUTHORIZED,
    FORBIDDEN,
    _NO_OFFERING,
    _INACTIVE,
    (409, "slot_taken", "该时段已被预约,请选择其他时间"),
    (409, "slot_too_near", "该时段前后的预约较远,服务者来不及赶到,请选择其他时间"),
    (409, "price_changed", "价格已变动,请确认新价格"),
    _BAD_TIME,
    (422, "amount_out_of_range", "订单金额超出允许范围"),
    *_CHOICES,
    *_CATALOG_AWAY,
    status=201,
) | {200: {"description": "The order that this idempotency key made before"}}
CALENDAR = documented(_CALENDAR, *_OWNER)
CHANGE = documented(_CALENDAR, *_CHANGE)
WRITE = documented(_CALENDAR, *_CHANGE, (409, "version_conflict", "日历刚刚被修改,请刷新后再试"))
TAKE_LEAVE = documented(_CALENDAR, *_CHANGE, status=201)
