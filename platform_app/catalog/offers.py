"""An offering's items, options and price rules as a document: read from the database, checked, handed to orders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from platform_app.catalog.pricing import ONE, Choice, Item, Offer, Option, Rules
from platform_app.kit.fields import BIG
from platform_app.kit.problem import Problem

Name = Annotated[str, Field(min_length=1, max_length=40)]
Fen = Annotated[int, Field(ge=0, le=1_000_000)]
Minutes = Annotated[int, Field(ge=0, le=720)]
Factor = Annotated[int, Field(ge=5_000, le=30_000, description="basis points; 10000 is a factor of 1")]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ItemIn(Strict):
    name: Name
    name_en: Name
    base_fen: Annotated[int, Field(ge=100, le=1_000_000)]
    minutes: Annotated[int, Field(ge=30, le=720)]
    unit: Annotated[str, Field(max_length=8)] = ""
    included: Annotated[int, Field(ge=1, le=1_000)] = 1
    most: Annotated[int, Field(ge=1, le=1_000)] = 1
    unit_fen: Fen = 0
    unit_minutes: Annotated[int, Field(ge=0, le=240)] = 0


class OptionIn(Strict):
    name: Name
    name_en: Name
    price_fen: Fen
    minutes: Minutes = 0
    most: Annotated[int, Field(ge=1, le=99)] = 1


class RulesIn(Strict):
    weekend_bp: Factor = ONE
    holiday_bp: Factor = ONE
    evening_bp: Factor = ONE
    evening_from: Annotated[int, Field(ge=12 * 60, le=1440, description="minutes of the day")] = 18 * 60
    min_fen: Fen = 0
    districts: Annotated[
        dict[Annotated[str, Field(min_length=1, max_length=32)], Fen], Field(max_length=32, description="extra fen")
    ] = {}


class OfferIn(Strict):
    """What a provider says about an offering, whole."""

    items: Annotated[list[ItemIn], Field(min_length=1, max_length=20)]
    options: Annotated[list[OptionIn], Field(max_length=20)] = []
    rules: RulesIn = RulesIn()


class Picked(Strict):
    id: Annotated[int, Field(ge=0, le=BIG)]
    count: Annotated[int, Field(ge=1, le=99)] = 1


class ChoiceIn(Strict):
    """What a customer picks of an offering."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "item_id": 12,
                "units": 3,
                "options": [{"id": 7, "count": 2}],
                "starts_at": "2026-12-05T18:30:00+08:00",
                "district": "余杭区",
            }
        },
    )
    item_id: Annotated[int, Field(ge=0, le=BIG, description="0: the first item")] = 0
    units: Annotated[int, Field(ge=0, le=1_000, description="0: what is included")] = 0
    options: Annotated[tuple[Picked, ...], Field(max_length=20)] = ()
    district: Annotated[str, Field(max_length=32)] = ""

    def choice(self, starts_at: int) -> Choice:
        picked = tuple((o.id, o.count) for o in self.options)
        return Choice(self.item_id, self.units, picked, starts_at, self.district)


def checked(given: OfferIn) -> OfferIn:
    """The same. Raises Problem 422 with every item whose numbers contradict each other."""
    wrong = [
        {"field": f"items.{n}.most", "message": f"{i.name}:最大数量不能小于包含的数量"}
        for n, i in enumerate(given.items)
        if i.most < i.included
    ]
    for field, names in (("items", [i.name for i in given.items]), ("options", [o.name for o in given.options])):
        if len(set(names)) < len(names):
            wrong.append({"field": field, "message": "名称不能重复"})
    if wrong:
        raise Problem(422, "offer_invalid", wrong[0]["message"], errors=wrong)
    return given


def default_offer(row: Mapping[str, Any]) -> Offer:
    """What an offering without items of its own is: its service, at its price, for its service's time."""
    return Offer((Item(0, row["service_name"], "standard", row["price_fen"], row["duration_minutes"]),))


def document(offer: Offer) -> dict[str, Any]:
    """As JSON; `offer_of` reads it back."""
    return {
        "items": [{name: getattr(i, name) for name in Item.__slots__} for i in offer.items],
        "options": [{name: getattr(o, name) for name in Option.__slots__} for o in offer.options],
        "rules": {
            **{name: getattr(offer.rules, name) for name in Rules.__slots__},
            "districts": {**offer.rules.districts},
        },
    }


def offer_of(data: dict[str, Any]) -> Offer:
    """The offer of a document that `document` made."""
    items, options = (Item(**i) for i in data["items"]), (Option(**o) for o in data["options"])
    return Offer(tuple(items), tuple(options), Rules(**data["rules"]))
