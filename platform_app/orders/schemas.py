"""What the orders endpoints take and give."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from platform_app.kit.problem import Problem
from platform_app.kit.times import iso, parse_iso


class OrderRequest(BaseModel):
    offering_id: int
    starts_at: Annotated[str, Field(description="ISO 8601, on a half hour; without a zone it is Asia/Shanghai")]
    address: Annotated[str, Field(min_length=2, max_length=200)]

    def start(self) -> int:
        """Epoch seconds. Raises Problem 422."""
        try:
            return parse_iso(self.starts_at)
        except ValueError as error:
            raise Problem(422, "bad_time", "开始时间格式有误") from error


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
    }
