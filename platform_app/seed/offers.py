"""What can be ordered of the seeded offerings, and when providers work: made from what is there, without chance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from platform_app.orders.calendar import USUAL, Calendar
from platform_app.orders.hours import kept
from platform_app.seed.city import CATEGORIES

EXTRAS = {
    "日常保洁": (("擦窗(每扇)", "window", 1500, 10, 10), ("冰箱清洁", "fridge", 4000, 30, 2)),
    "深度清洁": (("擦窗(每扇)", "window", 1500, 10, 20), ("阳台深度清洁", "balcony", 6000, 30, 3)),
    "家电清洗": (("高温除菌", "steam", 3000, 15, 3),),
    "搬家搬运": (("楼梯搬运(每层)", "stairs, a floor", 2000, 10, 8), ("打包材料", "boxes", 5000, 0, 5)),
    "收纳整理": (("收纳盒套装", "boxes", 8000, 0, 5),),
}
"""Category → options: name, in English, fen, minutes, at most."""
BY_THE_HOUR = ("日常保洁", "母婴护理", "老人陪护")
OUTER = {"临平区": 1000, "钱塘区": 1500}
"""A longer way costs extra fen."""
HOURS: tuple[Calendar, ...] = (
    Calendar(),
    Calendar(breaks=(((12 * 60, 13 * 60),),) * 7),
    Calendar(week=(*USUAL[:6], ())),
    Calendar(week=(((9 * 60, 21 * 60),),) * 7, holidays_off=True),
    Calendar(),
)
"""Provider n works like number n modulo 5."""


def items(offerings: Sequence[dict[str, Any]], services: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """One item an offering, at its price; by the hour where that is the custom."""
    for offer in offerings:
        service = services[offer["service_id"] - 1]
        minutes, price = service["duration_minutes"], offer["price_fen"]
        row = {"id": offer["id"], "offering_id": offer["id"], "position": 0, "name": service["name"]}
        row |= {"name_en": "standard", "base_fen": price, "minutes": minutes}
        hours = minutes // 60
        if CATEGORIES[offer["category_id"] - 1].name in BY_THE_HOUR and minutes % 60 == 0 and hours < 8:
            by_hour = {"unit": "小时", "included": hours, "most": 8}
            yield {**row, **by_hour, "unit_fen": price // hours // 100 * 100, "unit_minutes": 60}
        else:
            yield {**row, "unit": "", "included": 1, "most": 1, "unit_fen": 0, "unit_minutes": 0}


def options(offerings: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What goes with each category."""
    for offer in offerings:
        for position, extra in enumerate(EXTRAS.get(CATEGORIES[offer["category_id"] - 1].name, ())):
            name, english, fen, minutes, most = extra
            row = {"offering_id": offer["id"], "position": position, "name": name, "name_en": english}
            yield {**row, "price_fen": fen, "minutes": minutes, "most": most}


def rules(offerings: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Holidays cost a fifth more; movers a tenth more at weekends; the outer districts a longer way."""
    for offer in offerings:
        mover = CATEGORIES[offer["category_id"] - 1].name == "搬家搬运"
        row = {"offering_id": offer["id"], "weekend_bp": 11_000 if mover else 10_000, "holiday_bp": 12_000}
        row |= {"evening_bp": 10_000, "evening_from": 18 * 60, "min_fen": 0}
        yield {**row, "districts": orjson.dumps({d: f for d, f in OUTER.items() if d != offer["district"]}).decode()}


def calendars(providers: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """A row for everybody; version 0 is the usual calendar."""
    for provider in providers:
        mine = HOURS[provider["id"] % len(HOURS)]
        said = {"version": 1, "document": kept(mine)} if mine != HOURS[0] else {"version": 0, "document": "{}"}
        yield {"provider_id": provider["id"], **said, "updated_at": provider["created_at"]}
