"""What a visit costs, explained line by line. Pure; integer fen.

Every line is a whole number of fen and the total is their sum, so that what is shown adds up. The only place where a
fraction can arise is a factor (basis points of the work): it is rounded to the nearest fen, half a fen away from zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from platform_app.kit.holidays import HOLIDAYS
from platform_app.kit.problem import Problem
from platform_app.kit.times import day_of, midnight

ONE = 10_000
"""A factor of 1, in basis points."""


@dataclass(frozen=True, slots=True)
class Item:
    """What is ordered: `included` units are in the base; each further one costs `unit_fen` and takes `unit_minutes`."""

    id: int
    name: str
    name_en: str
    base_fen: int
    minutes: int
    unit: str = ""
    included: int = 1
    most: int = 1
    unit_fen: int = 0
    unit_minutes: int = 0


@dataclass(frozen=True, slots=True)
class Option:
    """Something on top, at most `most` times."""

    id: int
    name: str
    name_en: str
    price_fen: int
    minutes: int = 0
    most: int = 1


@dataclass(frozen=True, slots=True)
class Rules:
    """Factors in basis points of the work; a holiday's takes the place of the weekend's. Evening: minutes of the day."""

    weekend_bp: int = ONE
    holiday_bp: int = ONE
    evening_bp: int = ONE
    evening_from: int = 18 * 60
    min_fen: int = 0
    districts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Offer:
    """All that can be ordered of an offering."""

    items: tuple[Item, ...]
    options: tuple[Option, ...] = ()
    rules: Rules = Rules()


@dataclass(frozen=True, slots=True)
class Choice:
    """What a customer picked. `item` 0 is the first item; `units` 0 what is included; options: id → how many."""

    item: int = 0
    units: int = 0
    options: tuple[tuple[int, int], ...] = ()
    starts_at: int = 0
    district: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a breakdown; `code` is for programs."""

    code: str
    label: str
    label_en: str
    fen: int


@dataclass(frozen=True, slots=True)
class Quote:
    """The breakdown, and how long the work takes."""

    item: Item
    units: int
    lines: tuple[Line, ...]
    minutes: int

    @property
    def total_fen(self) -> int:
        return sum(line.fen for line in self.lines)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        lines = [{"code": e.code, "label": e.label, "label_en": e.label_en, "fen": e.fen} for e in self.lines]
        return {
            "item_id": self.item.id,
            "units": self.units,
            "minutes": self.minutes,
            "total_fen": self.total_fen,
            "lines": lines,
        }


def quote(offer: Offer, choice: Choice) -> Quote:
    """The price of a choice. Raises Problem 422 naming what does not exist or is too much."""
    item = _item(offer, choice.item)
    units = choice.units or item.included
    if not item.included <= units <= item.most:
        text = f"{item.name}:数量须在 {item.included}–{item.most}{item.unit} 之间"
        raise Problem(422, "bad_quantity", text, field="units", item_id=item.id)
    extra = units - item.included
    lines = [Line("base", item.name, item.name_en, item.base_fen)]
    if extra:
        lines.append(Line("units", f"加 {extra}{item.unit}", f"{extra} more", extra * item.unit_fen))
    minutes = item.minutes + extra * item.unit_minutes
    for option, count in _options(offer, choice):
        lines.append(Line("option", f"{option.name}×{count}", f"{option.name_en} x {count}", option.price_fen * count))
        minutes += option.minutes * count
    work = sum(line.fen for line in lines)
    lines += _factors(offer.rules, choice.starts_at, work)
    return Quote(item, units, (*lines, *_bounds(offer.rules, choice.district, sum(e.fen for e in lines))), minutes)


def share(fen: int, basis_points: int) -> int:
    """So many basis points of an amount, rounded to the nearest fen, half a fen away from zero."""
    size, rest = divmod(abs(fen * basis_points), ONE)
    rounded = size + (2 * rest >= ONE)
    return rounded if fen * basis_points >= 0 else -rounded


def _item(offer: Offer, item_id: int) -> Item:
    found = next((i for i in offer.items if i.id == item_id), None) if item_id else offer.items[0]
    if found is None:
        raise Problem(422, "no_such_item", "没有这个规格", field="item_id", item_id=item_id)
    return found


def _options(offer: Offer, choice: Choice) -> list[tuple[Option, int]]:
    known = {o.id: o for o in offer.options}
    if len({i for i, _ in choice.options}) < len(choice.options):
        raise Problem(422, "option_twice", "同一附加项只能选一次,请改数量", field="options")
    found: list[tuple[Option, int]] = []
    for option_id, count in choice.options:
        option = known.get(option_id)
        if option is None:
            raise Problem(422, "no_such_option", "没有这个附加项", field="options", option_id=option_id)
        if not 1 <= count <= option.most:
            text = f"{option.name}:数量须在 1–{option.most} 之间"
            raise Problem(422, "bad_quantity", text, field="options", option_id=option_id)
        found.append((option, count))
    return found


def _factors(rules: Rules, starts_at: int, work: int) -> list[Line]:
    """Each factor is of the work alone, never of another factor."""
    day, found = day_of(starts_at), []
    if day in HOLIDAYS:
        found.append(("holiday", f"{HOLIDAYS[day]}加价", "public holiday", rules.holiday_bp))
    elif date.fromisoformat(day).weekday() >= 5:
        found.append(("weekend", "周末加价", "weekend", rules.weekend_bp))
    if (starts_at - midnight(day)) // 60 >= rules.evening_from:
        found.append(("evening", "晚间加价", "evening", rules.evening_bp))
    lines = (Line(code, text, english, share(work, factor - ONE)) for code, text, english, factor in found)
    return [line for line in lines if line.fen]


def _bounds(rules: Rules, district: str, so_far: int) -> list[Line]:
    found: list[Line] = []
    if so_far < rules.min_fen:
        found.append(Line("minimum", "补足最低消费", "up to the minimum", rules.min_fen - so_far))
    surcharge = rules.districts.get(district, 0)
    if surcharge:
        found.append(Line("district", f"{district}上门费", "district surcharge", surcharge))
    return found
