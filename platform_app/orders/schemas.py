"""What the orders endpoints take and give."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

from platform_app.catalog.offers import ChoiceIn
from platform_app.kit.fields import BIG, time_field
from platform_app.kit.times import iso


class OrderRequest(ChoiceIn):
    """A booking. Without `lat` and `lng` the way is reckoned from the centre of the district."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={
            "example": {
                "offering_id": 11,
                "starts_at": "2026-12-05T10:00:00+08:00",
                "address": "杭州市西湖区文三路 1 号",
                "lat": 30.2769,
                "lng": 120.1319,
                "item_id": 12,
                "units": 3,
                "options": [{"id": 7, "count": 2}],
                "expected_fen": 12800,
            }
        },
    )
    offering_id: Annotated[int, Field(ge=0, le=BIG)]
    starts_at: Annotated[
        str, Field(max_length=40, description="ISO 8601, on a half hour; without a zone it is Asia/Shanghai")
    ]
    address: Annotated[str, Field(min_length=2, max_length=200)]
    lat: Annotated[float, Field(ge=3, le=54)] | None = None
    lng: Annotated[float, Field(ge=73, le=136)] | None = None
    expected_fen: Annotated[int, Field(ge=0, le=BIG, description="409 price_changed when it costs anything else")] = 0

    def start(self) -> int:
        """Epoch seconds. Raises Problem 422."""
        return time_field(self.starts_at)


class CancelRequest(BaseModel):
    reason: Annotated[str, Field(max_length=50)] = ""


class Payment(BaseModel):
    order_id: int
    out_trade_no: str
    amount_fen: int
    left_fen: int = 0


class PaymentEventIn(BaseModel):
    """An event as payments' relay delivers it."""

    id: str
    kind: str
    payload: Payment


def shown(row: Any) -> dict[str, Any]:
    """An order as its customer and provider see it; `row` has the columns of orders_order as attributes."""
    return {
        "id": row.id,
        "no": row.no,
        "status": row.status,
        "user_id": row.user_id,
        "provider_id": row.provider_id,
        "provider_name": row.provider_name,
        "service_id": row.service_id,
        "service_name": row.service_name,
        "offering_id": row.offering_id,
        "amount_fen": row.amount_fen,
        "district": row.district,
        "address": row.address,
        "starts_at": iso(row.starts_at),
        "ends_at": iso(row.ends_at),
        "hold_until": iso(row.hold_until),
        "created_at": iso(row.created_at),
    }


def shown_whole(row: Any) -> dict[str, Any]:
    """An order with its history."""
    return {
        **shown(row),
        "paid_at": iso(row.paid_at),
        "accepted_at": iso(row.accepted_at),
        "completed_at": iso(row.completed_at),
        "cancelled_at": iso(row.cancelled_at),
        "cancel_reason": row.cancel_reason,
        "has_photo": bool(row.photo),
        "quote": orjson.loads(row.quote) if row.quote else None,
    }
